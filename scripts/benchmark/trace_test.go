package main

import (
	"testing"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// TestTheTimeOfACallIsTakenApart: parts are told before their whole, and a span's beginning is told before its end.
func TestTheTimeOfACallIsTakenApart(t *testing.T) {
	at := func(id, parent byte, name string, start, end uint64) *trace.Span {
		s := &trace.Span{SpanId: []byte{id}, Name: name, StartTimeUnixNano: start * 1e8, EndTimeUnixNano: end * 1e8}
		if parent > 0 {
			s.ParentSpanId = []byte{parent}
		}
		return s
	}
	call := tree([]*trace.Span{
		at(9, 8, "dagop.ctr Container.withExec", 40, 70),
		at(1, 0, "call", 0, 0),
		at(2, 1, "load module: .", 1, 9),
		at(3, 1, "Query.dotnetMultiarch", 10, 15),
		at(4, 3, "dagop.ctr Container.withExec", 11, 14),
		at(5, 1, "DotnetMultiarch.buildAndPush", 20, 90),
		at(6, 5, "dagop.ctr Container.withExec", 21, 89), // the function itself, beside what it asks for
		at(10, 5, "dagop.ctr Container.withExec", 20, 21),
		at(7, 5, "POST /query", 25, 26),
		at(8, 5, "POST /query", 30, 71),
		at(11, 9, "dagop.ctr Container.withExec", 45, 60), // what another waits for is below it
		at(1, 0, "call", 0, 100),
	})
	want := []float64{1.7, 0.8, 0.5, 0.5, 3.1, 3.4, 10}
	got := breakdown(call)
	for i := range want {
		if diff := got[i] - want[i]; diff > 1e-6 || diff < -1e-6 {
			t.Errorf("part %d: got %.3f, want %.3f (%v)", i, got[i], want[i], got)
		}
	}
}
