using System.Runtime.InteropServices;
using Newtonsoft.Json;

Console.WriteLine(JsonConvert.SerializeObject(new
{
    architecture = RuntimeInformation.ProcessArchitecture.ToString(),
    package = typeof(JsonConvert).Assembly.GetName().Name,
}));
