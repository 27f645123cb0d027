{{with .Salt}}// {{.}}
{{end}}using Dapper;
using Microsoft.Data.Sqlite;

namespace Shop.{{.Name}};

/// <summary>Texts by key, in a database file.</summary>
public sealed class SqliteCatalog(string connectionString) : IAsyncDisposable
{
    private readonly SqliteConnection connection = new(connectionString);

    public async Task OpenAsync(CancellationToken cancellation = default)
    {
        await connection.OpenAsync(cancellation);
        await connection.ExecuteAsync("create table if not exists catalog (key text primary key, value text not null)");
    }

    public Task<int> PutAsync(string key, string value) => connection.ExecuteAsync(
        "insert into catalog (key, value) values (@key, @value) on conflict (key) do update set value = excluded.value",
        new { key, value });

    public Task<string?> GetAsync(string key) =>
        connection.QuerySingleOrDefaultAsync<string>("select value from catalog where key = @key", new { key });

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
