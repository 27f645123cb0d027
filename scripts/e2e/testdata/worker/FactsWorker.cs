using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Worker;

/// <summary>Asks SQLite for its version, writes one line of JSON and ends the app.</summary>
internal sealed class FactsWorker(IHostApplicationLifetime lifetime) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stopping)
    {
        await using var connection = new SqliteConnection("Data Source=:memory:");
        await connection.OpenAsync(stopping);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT sqlite_version(), 6 * 7";
        await using var row = await command.ExecuteReaderAsync(stopping);
        await row.ReadAsync(stopping);

        Console.WriteLine(JsonSerializer.Serialize(new
        {
            architecture = RuntimeInformation.ProcessArchitecture.ToString(),
            sqlite = row.GetString(0),
            answer = row.GetInt32(1),
        }));
        lifetime.StopApplication();
    }
}
