{{with .Salt}}// {{.}}
{{end}}using Npgsql;

namespace Shop.{{.Name}};

/// <summary>The stock as the warehouse's own database has it.</summary>
public sealed class Warehouse(NpgsqlDataSource source)
{
    public static Warehouse At(string host, string database) =>
        new(NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder { Host = host, Database = database, Timeout = 5 }.ConnectionString));

    public async Task<long> StockAsync(string article, CancellationToken cancellation = default)
    {
        await using var command = source.CreateCommand("select coalesce(sum(quantity), 0) from stock where article = $1");
        command.Parameters.AddWithValue(article);
        return (long)(await command.ExecuteScalarAsync(cancellation) ?? 0L);
    }
}
