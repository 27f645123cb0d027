using Modes;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, FactsContext.Default));

// Not for HTTPS: without it the trimmer takes from X509Certificate2Collection, which Kestrel loads, a method of an interface that
// it leaves on the type, and the trimmed app does not start. Compare dotnet/runtime#109850.
builder.WebHost.UseKestrelHttpsConfiguration();

var app = builder.Build();

app.MapGet("/healthz", () => "Healthy");
app.MapGet("/facts", Facts.Collect);

app.Run();
