#:sdk Microsoft.NET.Sdk.Web
#:package Microsoft.Data.Sqlite@10.0.15
#:property InvariantGlobalization=true

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using Microsoft.Data.Sqlite;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, FactsContext.Default));
var app = builder.Build();

app.MapGet("/healthz", () => "Healthy");
app.MapGet("/facts", () =>
{
    using var connection = new SqliteConnection("Data Source=:memory:");
    connection.Open();
    return new Facts(RuntimeInformation.ProcessArchitecture.ToString(), RuntimeFeature.IsDynamicCodeSupported, connection.ServerVersion);
});

app.Run();

internal sealed record Facts(string Architecture, bool DynamicCode, string Sqlite);

[JsonSerializable(typeof(Facts))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class FactsContext : JsonSerializerContext;
