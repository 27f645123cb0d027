using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, FactsContext.Default));
var app = builder.Build();

app.MapGet("/healthz", () => "Healthy");
app.MapGet("/facts", () => new Facts(
    RuntimeInformation.ProcessArchitecture.ToString(),
    RuntimeFeature.IsDynamicCodeSupported,
    AppContext.TryGetSwitch("System.Globalization.Invariant", out var invariant) && invariant,
    1234.5.ToString("N1", CultureInfo.CurrentCulture)));

app.Run();

internal sealed record Facts(string Architecture, bool DynamicCode, bool InvariantGlobalization, string Number);

[JsonSerializable(typeof(Facts))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class FactsContext : JsonSerializerContext;
