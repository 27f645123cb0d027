using System.Runtime.InteropServices;
using Shop;
using Shop.Api;
using Shop.Data;
using Shop.Domain;

var app = WebApplication.CreateBuilder(args).Build();

app.MapStaticAssets();
app.MapGet("/healthz", () => "Healthy");
app.MapGet("/products/{number}", (string number) =>
    ProductNumber.IsValid(number) && Catalog.Products.TryGetValue(number, out var name) ? Results.Ok(name) : Results.NotFound());
app.MapGet("/facts", () => new
{
    Architecture = RuntimeInformation.ProcessArchitecture.ToString(),
    BuildInfo.Version,
    DomainVersion = DomainInfo.Version,
    BuildInfo.Channel,
    Catalog = Catalog.Products,
    ValidNumbers = Catalog.Products.Keys.All(ProductNumber.IsValid),
    Schemas = Schemas.Names.ToDictionary(schema => schema, Schemas.Read),
    Orders = OrderStore.Count(),
    English = Texts.Get("Greeting", "en"),
    German = Texts.Get("Greeting", "de"),
    Terms = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "terms.txt")).Trim(),
});

app.Run();
