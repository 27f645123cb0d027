using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

var app = WebApplication.CreateBuilder(args).Build();

app.MapGet("/healthz", () => "Healthy");
app.MapGet("/facts", () => new
{
    Architecture = RuntimeInformation.ProcessArchitecture.ToString(),
    CompiledFor = Assembly.GetExecutingAssembly().GetCustomAttribute<TargetFrameworkAttribute>()!.FrameworkName,
    Runtime = Environment.Version.Major,
    Branch = Branch(),
});

app.Run();

static string Branch()
{
#if NET10_0_OR_GREATER
    return "net10.0";
#else
    return "net8.0";
#endif
}
