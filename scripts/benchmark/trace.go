package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is a part of a call, with the parts that it is made of.
type span struct {
	name       string
	start, end time.Time
	parts      []*span
}

func (s *span) seconds() float64 { return s.end.Sub(s.start).Seconds() }

// all gives the spans below one, and itself, whose names begin so.
func (s *span) all(prefix string) []*span {
	var found []*span
	if strings.HasPrefix(s.name, prefix) {
		found = append(found, s)
	}
	for _, p := range s.parts {
		found = append(found, p.all(prefix)...)
	}
	return found
}

// first is the earliest of them; nil where there is none.
func (s *span) first(prefix string) *span {
	found := s.all(prefix)
	if len(found) == 0 {
		return nil
	}
	return slices.MinFunc(found, func(a, b *span) int { return a.start.Compare(b.start) })
}

// together is how long any of some spans lasted: one that waits for another may have it within.
func together(spans []*span) (seconds float64) {
	slices.SortFunc(spans, func(a, b *span) int { return a.start.Compare(b.start) })
	var until time.Time
	for _, s := range spans {
		from := s.start
		if from.Before(until) {
			from = until
		}
		if s.end.After(from) {
			seconds += s.end.Sub(from).Seconds()
			until = s.end
		}
	}
	return seconds
}

// tree puts spans below their parents; the roots are parts of a span without a name, which lasts as long as all of them.
func tree(spans []*trace.Span) *span {
	byID := map[string]*span{}
	parents := map[string]string{}
	for _, s := range spans {
		id := hex.EncodeToString(s.SpanId)
		// A span is told when it begins, too, without an end.
		if known := byID[id]; known != nil && s.EndTimeUnixNano <= s.StartTimeUnixNano {
			continue
		}
		byID[id] = &span{name: s.Name, start: time.Unix(0, int64(s.StartTimeUnixNano)), end: time.Unix(0, int64(s.EndTimeUnixNano))}
		parents[id] = hex.EncodeToString(s.ParentSpanId)
	}
	root := &span{}
	for id, s := range byID {
		above := cmp.Or(byID[parents[id]], root)
		above.parts = append(above.parts, s)
		if root.start.IsZero() || s.start.Before(root.start) {
			root.start = s.start
		}
		if s.end.After(root.end) {
			root.end = s.end
		}
	}
	return root
}

// traced runs a call of the module and gives its spans, which the dagger command sends to a collector of ours.
func traced(ctx context.Context, c command) (*span, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	var lock sync.Mutex
	var spans []*trace.Span
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		// What an exporter sends is on the wire what a file of traces is.
		var sent trace.TracesData
		if err == nil && r.URL.Path == "/v1/traces" {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		lock.Lock()
		defer lock.Unlock()
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				spans = append(spans, scope.Spans...)
			}
		}
	})}
	go server.Serve(listener) //nolint:errcheck // it ends by being closed
	defer server.Close()      //nolint:errcheck // nothing is lost
	c.env = append(slices.Clip(c.env), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+listener.Addr().String(), "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
	if _, err := c.run(ctx); err != nil {
		return nil, err
	}
	lock.Lock()
	defer lock.Unlock()
	call := tree(spans)
	for _, name := range []string{loadSpan, constructorSpan, functionSpan, querySpan} {
		if call.first(name) == nil { // else a span that Dagger calls otherwise one day would be told as no time
			return nil, fmt.Errorf("taking the call apart: Dagger told of no span %q", name)
		}
	}
	return call, nil
}

// Names of Dagger's spans.
const (
	loadSpan        = "load module"
	constructorSpan = "Query.dotnetMultiarch"
	functionSpan    = "DotnetMultiarch.buildAndPush"
	containerSpan   = "dagop.ctr Container.withExec"
	querySpan       = "POST /query"
)

// breakdown says where the time of a call went, in seconds, in the order of breakdownHeads.
func breakdown(call *span) []float64 {
	length := func(s *span) float64 {
		if s == nil {
			return 0
		}
		return s.seconds()
	}
	load, constructor := length(call.first(loadSpan)), length(call.first(constructorSpan))
	var starts, commands, own float64
	function := call.first(functionSpan)
	if function != nil {
		if query := function.first(querySpan); query != nil {
			starts = query.start.Sub(function.start).Seconds()
		}
		// The function is a container itself, the one that lasts longest.
		containers := function.all(containerSpan)
		if len(containers) > 0 {
			slices.SortFunc(containers, func(a, b *span) int { return cmp.Compare(b.seconds(), a.seconds()) })
			commands = together(containers[1:])
		}
		own = function.seconds() - starts - commands
	}
	total := call.seconds()
	return []float64{total - load - constructor - length(function), load, constructor, starts, commands, own, total}
}

const breakdownHeads = "| scenario | command line, session | loading the module | constructor | function's start | .NET commands | the module and the registry | all |\n|---|---:|---:|---:|---:|---:|---:|---:|\n"

// traceSection is where the time of our own calls goes, by Dagger's spans.
func traceSection(ctx context.Context, e environment, runs int, w io.Writer) error {
	fmt.Fprintf(w, "\n**Where the time of a call goes**, seconds, medians\n\n%s", breakdownHeads)
	for _, a := range []app{hello(filepath.Join(e.scratch, "traced-hello")), solution(e.repository, filepath.Join(e.scratch, "traced"))} {
		scenarios := []scenario{
			{name: "cold", change: func() error { return a.fresh(ctx) }},
			{name: "one-line edit", change: a.edit(a.program)},
		}
		if a.library != "" {
			scenarios = append(scenarios, scenario{name: "one-line edit in a library", change: a.edit(a.library)})
		}
		scenarios = append(scenarios, scenario{name: "no change", change: func() error { return nil }})
		parts := map[string][]series{}
		for run := range runs {
			for _, s := range scenarios {
				if err := s.change(); err != nil {
					return err
				}
				call, err := traced(ctx, e.dagger("call", "--source", a.dir, "--platforms", bothPlatforms, "build-and-push", "--image", e.host+"/bench/traced-"+a.name))
				if err != nil {
					return err
				}
				for i, seconds := range breakdown(call) {
					if run == 0 {
						parts[s.name] = append(parts[s.name], nil)
					}
					parts[s.name][i] = append(parts[s.name][i], seconds)
				}
				say("%s, %s: %.2f s", a.title, s.name, call.seconds())
			}
		}
		for _, s := range scenarios {
			fmt.Fprintf(w, "| %s, %s |", a.title, s.name)
			for _, taken := range parts[s.name] {
				fmt.Fprintf(w, " %.2f |", taken.median())
			}
			fmt.Fprintln(w)
		}
	}
	return nil
}
