{{with .Salt}}// {{.}}
{{end}}using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Shop.{{.Name}};

/// <summary>Where {{.Class}} are kept.</summary>
public interface I{{.Class}}Repository
{
    ValueTask<{{.Class}}?> FindAsync(Guid id, CancellationToken cancellation = default);

    Task<{{.Class}}> SaveAsync({{.Class}} item, CancellationToken cancellation = default);

    Task<bool> RemoveAsync(Guid id, CancellationToken cancellation = default);

    IAsyncEnumerable<{{.Class}}> AllAsync(CancellationToken cancellation = default);

    Task<IReadOnlyList<{{.Class}}>> PageAsync(int number, int size, CancellationToken cancellation = default);
{{range .Of "text"}}
    IEnumerable<{{$.Class}}> By{{.Name}}(string value);
{{end}}}

/// <summary>Keeps them in memory, with an event for whoever wants to follow.</summary>
public sealed class InMemory{{.Class}}Repository : I{{.Class}}Repository
{
    private readonly ConcurrentDictionary<Guid, {{.Class}}> items = new();

    public event EventHandler<{{.Class}}>? Saved;

    public ValueTask<{{.Class}}?> FindAsync(Guid id, CancellationToken cancellation = default) =>
        ValueTask.FromResult(items.GetValueOrDefault(id));

    public Task<{{.Class}}> SaveAsync({{.Class}} item, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var saved = items.AddOrUpdate(item.Id, item, (_, old) => old.State > item.State ? old : item);
        Saved?.Invoke(this, saved);
        return Task.FromResult(saved);
    }

    public Task<bool> RemoveAsync(Guid id, CancellationToken cancellation = default) =>
        Task.FromResult(items.TryRemove(id, out _));

    public async IAsyncEnumerable<{{.Class}}> AllAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        foreach (var item in items.Values.Order())
        {
            cancellation.ThrowIfCancellationRequested();
            await Task.Yield();
            yield return item;
        }
    }

    public Task<IReadOnlyList<{{.Class}}>> PageAsync(int number, int size, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        IReadOnlyList<{{.Class}}> page = [.. items.Values.Order().Skip(number * size).Take(size)];
        return Task.FromResult(page);
    }
{{range .Of "text"}}
    public IEnumerable<{{$.Class}}> By{{.Name}}(string value) =>
        from item in items.Values
        where string.Equals(item.{{.Name}}, value, StringComparison.OrdinalIgnoreCase)
        orderby item.Code, item.Id
        select item;
{{end}}}
