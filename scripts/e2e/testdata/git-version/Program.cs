using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;

var assembly = Assembly.GetExecutingAssembly();
Console.WriteLine(JsonSerializer.Serialize(new
{
    architecture = RuntimeInformation.ProcessArchitecture.ToString(),
    version = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion,
    commit = assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "Commit").Value,
}));
