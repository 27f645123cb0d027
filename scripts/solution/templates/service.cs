{{with .Salt}}// {{.}}
{{end}}{{with .Upstream}}{{range .}}using Shop.{{.Name}};
{{end}}
{{end}}namespace Shop.{{.Name}};

/// <summary>What came of an attempt.</summary>
public readonly record struct {{.Class}}Outcome(bool Succeeded, string Reason, {{.Class}}? Item)
{
    public static {{.Class}}Outcome Success({{.Class}} item) => new(true, "", item);

    public static {{.Class}}Outcome Failure(string reason) => new(false, reason, null);

    public T Match<T>(Func<{{.Class}}, T> success, Func<string, T> failure) =>
        Succeeded && Item is not null ? success(Item) : failure(Reason);
}

/// <summary>What can be done with a {{.Noun}}.</summary>
public sealed class {{.Class}}Service(I{{.Class}}Repository repository{{range .Upstream}}, {{.Class}}Service from{{.Name}}{{end}})
{
    private readonly SemaphoreSlim gate = new(4);

    public async Task<{{.Class}}Outcome> CreateAsync(string code, CancellationToken cancellation = default)
    {
        var item = new {{.Class}}(Guid.CreateVersion7(), code);
{{- range .Upstream}}
        var of{{.Name}} = await from{{.Name}}.CreateAsync("{{.Name}}/" + code, cancellation);
        item = item with { {{.Name}} = of{{.Name}}.Item };
{{- end}}
        return {{.Class}}Outcome.Success(await repository.SaveAsync(item, cancellation));
    }

    public async Task<{{.Class}}Outcome> AdvanceAsync(Guid id, {{.Class}}State next, CancellationToken cancellation = default)
    {
        var item = await repository.FindAsync(id, cancellation);
        if (item is null)
        {
            return {{.Class}}Outcome.Failure($"there is no {{.Noun}} {id}");
        }
        if (!item.CanBecome(next))
        {
            var problems = string.Join("; ", item.Problems().DefaultIfEmpty("the order of states forbids it"));
            return {{.Class}}Outcome.Failure($"{item.Code} cannot go from {item.State} to {next}: {problems}");
        }
        return {{.Class}}Outcome.Success(await repository.SaveAsync(item with { State = next }, cancellation));
    }

    /// <summary>Changes all that satisfy the condition, four at a time.</summary>
    public async Task<IReadOnlyDictionary<Guid, {{.Class}}>> ChangeAsync(
        Func<{{.Class}}, bool> condition, Func<{{.Class}}, {{.Class}}> change, CancellationToken cancellation = default)
    {
        var pending = new List<Task<{{.Class}}>>();
        await foreach (var item in repository.AllAsync(cancellation))
        {
            if (condition(item))
            {
                pending.Add(SaveOneAsync(change(item), cancellation));
            }
        }
        var changed = await Task.WhenAll(pending);
        return changed.DistinctBy(item => item.Id).ToDictionary(item => item.Id);
    }
{{range .Of "number"}}
    public Task<IReadOnlyDictionary<Guid, {{$.Class}}>> Scale{{.Name}}Async({{.Type}} factor, CancellationToken cancellation = default) =>
        ChangeAsync(item => item.{{.Name}} != 0, item => item with { {{.Name}} = item.{{.Name}} * factor }, cancellation);
{{end}}
    private async Task<{{.Class}}> SaveOneAsync({{.Class}} item, CancellationToken cancellation)
    {
        await gate.WaitAsync(cancellation);
        try
        {
            return await repository.SaveAsync(item, cancellation);
        }
        finally
        {
            gate.Release();
        }
    }
}
