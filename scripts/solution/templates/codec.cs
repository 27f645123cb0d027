{{with .Salt}}// {{.}}
{{end}}using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Shop.{{.Name}};

/// <summary>Writes a {{.Noun}} as one line, and reads it back.</summary>
public static class {{.Class}}Codec
{
    private const char Separator = '|';

    public static string Format({{.Class}} item) => string.Join(Separator, Parts(item).Select(Escape));

    public static bool TryParse(string line, [NotNullWhen(true)] out {{.Class}}? item)
    {
        item = null;
        var reader = new Reader(line);
        if (!Guid.TryParse(reader.Next(), out var id))
        {
            return false;
        }
        var code = reader.Next();
        if (!Enum.TryParse<{{.Class}}State>(reader.Next(), out var state) || !Enum.IsDefined(state))
        {
            return false;
        }
{{- range .Fields}}
{{- if eq .Kind "text"}}
        var parsed{{.Name}} = reader.Next();
{{- else}}
        if (!{{.Type}}.TryParse(reader.Next(), CultureInfo.InvariantCulture, out var parsed{{.Name}}))
        {
            return false;
        }
{{- end}}
{{- end}}
        item = new {{.Class}}(id, code)
        {
            State = state,
{{- range .Fields}}
            {{.Name}} = parsed{{.Name}},
{{- end}}
        };
        return true;
    }

    /// <summary>The same for equal items on every machine: FNV-1a over the line.</summary>
    public static ulong Checksum({{.Class}} item)
    {
        var hash = 14695981039346656037UL;
        foreach (var c in Format(item))
        {
            hash = unchecked((hash ^ c) * 1099511628211UL);
        }
        return hash;
    }

    private static IEnumerable<string> Parts({{.Class}} item)
    {
        yield return item.Id.ToString("N");
        yield return item.Code;
        yield return item.State.ToString();
{{- range .Fields}}
{{- if eq .Kind "text"}}
        yield return item.{{.Name}};
{{- else if eq .Kind "time"}}
        yield return item.{{.Name}}.ToString("O", CultureInfo.InvariantCulture);
{{- else}}
        yield return item.{{.Name}}.ToString(CultureInfo.InvariantCulture);
{{- end}}
{{- end}}
    }

    private static string Escape(string part) => part.Replace("\\", "\\\\").Replace("|", "\\p").Replace("\n", "\\n");

    private struct Reader(string line)
    {
        private int position;

        public string Next()
        {
            if (position > line.Length)
            {
                return "";
            }
            var end = line.IndexOf(Separator, position);
            var part = end < 0 ? line[position..] : line[position..end];
            position = end < 0 ? line.Length + 1 : end + 1;
            return part.Replace("\\n", "\n").Replace("\\p", "|").Replace("\\\\", "\\");
        }
    }
}
