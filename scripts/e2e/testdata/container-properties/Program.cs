using System.Runtime.InteropServices;

var app = WebApplication.CreateBuilder(args).Build();

app.UseStaticFiles();
app.MapGet("/healthz", () => "Healthy");
app.MapGet("/facts", (IConfiguration configuration) => new
{
    Architecture = RuntimeInformation.ProcessArchitecture.ToString(),
    AppContext.BaseDirectory,
    WorkingDirectory = Environment.CurrentDirectory,
    User = Environment.UserName,
    Features = configuration["FEATURES"],
    Greeting = configuration["greeting"],
    Always = configuration["always"],
});

app.Run();
