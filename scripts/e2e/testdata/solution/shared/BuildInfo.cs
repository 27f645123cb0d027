using System.Reflection;

namespace Shop;

/// <summary>What the build wrote into the assembly that this file is compiled into.</summary>
internal static class BuildInfo
{
    private static readonly Assembly Own = typeof(BuildInfo).Assembly;

    public static string Version => Own.GetName().Version!.ToString(3);

    public static string? Channel => Own.GetCustomAttributes<AssemblyMetadataAttribute>()
        .FirstOrDefault(attribute => attribute.Key == "Channel")?.Value;
}
