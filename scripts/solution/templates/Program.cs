{{with .Salt}}// {{.}}
{{end}}using Serilog;
using Shop.App;

var builder = WebApplication.CreateBuilder(args);
builder.Host.UseSerilog((context, logging) => logging.ReadFrom.Configuration(context.Configuration).WriteTo.Console());
builder.Services.AddApp();

var app = builder.Build();
app.UseStaticFiles();
app.MapGet("/healthz", () => Results.Ok(new { status = "healthy" }));
{{- range .Topics}}
app.MapGet("/{{.Noun}}", (I{{.Class}}Repository items, int page = 0) => items.PageAsync(page, 20));
app.MapPost("/{{.Noun}}/{code}", async ({{.Class}}Service service, string code) =>
    (await service.CreateAsync(code)).Match(item => Results.Created($"/{{.Noun}}/{item.Id}", item), Results.BadRequest));
{{- end}}
app.Run();
