package assembly

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
)

// webRoot is ASP.NET Core's default folder of static files.
const webRoot = "wwwroot/"

// stamp gives the files below wwwroot times that follow from their content. UseStaticFiles makes its ETag of a file's time and
// length alone, so with one time for all, an edit that keeps the length would leave browsers with what they have:
// https://github.com/dotnet/aspnetcore/blob/main/src/Middleware/StaticFiles/src/StaticFileContext.cs
func stamp(files []archive.File) error {
	for i, f := range files {
		if !strings.HasPrefix(f.Path, webRoot) || f.Link != "" {
			continue
		}
		at, err := contentTime(f.OnDisk)
		if err != nil {
			return err
		}
		files[i].ModTime = at
	}
	return nil
}

// The window of contentTime: full seconds, as an HTTP date has them, from 1980 to 2014. All are past, since a server has to ignore
// a time to come, and two contents of one length meet once in a billion.
var firstTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

const window = 1 << 30

// contentTime is a time made of the content's SHA-256.
func contentTime(file string) (time.Time, error) {
	in, err := os.Open(file)
	if err != nil {
		return time.Time{}, err
	}
	defer in.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, in); err != nil {
		return time.Time{}, err
	}
	seconds := binary.BigEndian.Uint64(hash.Sum(nil)) % window
	return firstTime.Add(time.Duration(seconds) * time.Second), nil
}
