{{with .Salt}}// {{.}}
{{end}}{{with .Upstream}}{{range .}}using Shop.{{.Name}};
{{end}}
{{end}}namespace Shop.{{.Name}};

/// <summary>How far a {{.Noun}} has come.</summary>
public enum {{.Class}}State
{
    Draft,
    Checked,
    Accepted,
    Done,
    Refused,
}

/// <summary>A {{.Noun}} as {{.Name}} sees it.</summary>
public sealed record {{.Class}}(Guid Id, string Code) : IComparable<{{.Class}}>
{
    public {{.Class}}State State { get; init; } = {{.Class}}State.Draft;
{{- range .Fields}}
    public {{.Type}} {{.Name}} { get; init; }{{if eq .Kind "text"}} = "";{{end}}
{{- end}}
{{range .Upstream}}
    /// <summary>The {{.Noun}} of {{.Name}} that this one was made from, if any.</summary>
    public {{.Class}}? {{.Name}} { get; init; }
{{end}}
    /// <summary>What forbids this {{.Noun}} to be accepted; nothing if it may be.</summary>
    public IEnumerable<string> Problems()
    {
        if (string.IsNullOrWhiteSpace(Code))
        {
            yield return "the code is missing";
        }
{{range .Of "number"}}
        if ({{.Name}} < 0)
        {
            yield return $"{{.Name}} of {Code} is below zero: {{"{"}}{{.Name}}}";
        }
{{end}}
{{- range .Of "text"}}
        if ({{.Name}}.Length > 200)
        {
            yield return $"{{.Name}} of {Code} is too long: {{"{"}}{{.Name}}.Length} characters";
        }
{{end}}
{{- range .Upstream}}
        foreach (var problem in {{.Name}}?.Problems() ?? [])
        {
            yield return "{{.Name}}: " + problem;
        }
{{end}}    }

    public bool CanBecome({{.Class}}State next) => (State, next) switch
    {
        ({{.Class}}State.Draft, {{.Class}}State.Checked) => true,
        ({{.Class}}State.Checked, {{.Class}}State.Accepted) => !Problems().Any(),
        ({{.Class}}State.Accepted, {{.Class}}State.Done) => true,
        ({{.Class}}State.Done or {{.Class}}State.Refused, _) => false,
        (_, {{.Class}}State.Refused) => true,
        _ => false,
    };

    public int CompareTo({{.Class}}? other) =>
        other is null ? 1 : string.Compare(Code, other.Code, StringComparison.Ordinal);
}
