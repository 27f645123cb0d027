var app = WebApplication.CreateBuilder(args).Build();
app.MapGet("/healthz", () => "healthy");
app.MapGet("/facts", () => Results.Content(Shared.Facts.Of("api"), "application/json"));
app.Run();
