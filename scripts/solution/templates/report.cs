{{with .Salt}}// {{.}}
{{end}}using System.Globalization;
using System.Text;

namespace Shop.{{.Name}};

/// <summary>One line of a report.</summary>
public sealed record {{.Class}}Line({{.Class}}State State, int Count{{range .Of "number"}}, {{.Type}} {{.Name}}{{end}});

/// <summary>What many {{.Noun}}s have in common.</summary>
public sealed class {{.Class}}Report(IReadOnlyCollection<{{.Class}}> items)
{
    public IReadOnlyList<{{.Class}}Line> Lines { get; } =
    [
        .. from item in items
           group item by item.State into sameState
           orderby sameState.Key
           select new {{.Class}}Line(sameState.Key, sameState.Count(){{range .Of "number"}}, sameState.Sum(i => i.{{.Name}}){{end}}),
    ];
{{range .Of "number"}}
    /// <summary>Smallest, middle and largest {{.Name}}; zeros where there is nothing.</summary>
    public ({{.Type}} Least, {{.Type}} Median, {{.Type}} Most) {{.Name}}Spread()
    {
        var sorted = items.Select(item => item.{{.Name}}).Order().ToArray();
        return sorted switch
        {
            [] => default,
            [var only] => (only, only, only),
            [var least, .., var most] => (least, sorted[sorted.Length / 2], most),
        };
    }
{{end}}
{{- range .Of "text"}}
    public ILookup<string, {{$.Class}}> By{{.Name}}() =>
        items.ToLookup(item => item.{{.Name}}.Trim().ToUpperInvariant(), StringComparer.Ordinal);
{{end}}
{{- range .Of "time"}}
    public SortedDictionary<DateOnly, int> {{.Name}}PerDay()
    {
        var days = new SortedDictionary<DateOnly, int>();
        foreach (var day in items.Select(item => DateOnly.FromDateTime(item.{{.Name}}.UtcDateTime)))
        {
            days[day] = days.GetValueOrDefault(day) + 1;
        }
        return days;
    }
{{end}}
    public IEnumerable<{{.Class}}> Top<TKey>(int count, Func<{{.Class}}, TKey> by)
        where TKey : IComparable<TKey> =>
        items.OrderByDescending(by).ThenBy(item => item.Code, StringComparer.Ordinal).Take(count);

    public override string ToString()
    {
        var text = new StringBuilder("state;count{{range .Of "number"}};{{.Name}}{{end}}\n");
        foreach (var line in Lines)
        {
            text.Append(CultureInfo.InvariantCulture, $"{line.State};{line.Count}{{range .Of "number"}};{line.{{.Name}}:0.##}{{end}}");
            text.Append('\n');
        }
        return text.ToString();
    }
}
