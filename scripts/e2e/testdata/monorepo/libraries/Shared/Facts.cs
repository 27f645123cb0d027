using System.Runtime.InteropServices;

namespace Shared;

/// <summary>What every service says of itself, as one line of JSON.</summary>
public static class Facts
{
    public static string Of(string service) =>
        $$"""{"service": "{{service}}", "architecture": "{{RuntimeInformation.ProcessArchitecture}}"}""";
}
