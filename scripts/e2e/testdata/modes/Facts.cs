using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace Modes;

/// <summary>What tells the publish modes apart.</summary>
/// <param name="DynamicCode">False under Native AOT.</param>
/// <param name="BaseDirectory">Where the app lies.</param>
/// <param name="AssemblyLocation">The app's dll; empty where it is inside the executable.</param>
/// <param name="Runtime">The folder of the runtime's assemblies; empty where they are inside the executable.</param>
internal sealed record Facts(string Architecture, string Framework, bool DynamicCode, string BaseDirectory, string AssemblyLocation, string Runtime)
{
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "That it is empty in a single file is what it shows.")]
    public static Facts Collect() => new(
        RuntimeInformation.ProcessArchitecture.ToString(),
        RuntimeInformation.FrameworkDescription,
        RuntimeFeature.IsDynamicCodeSupported,
        AppContext.BaseDirectory,
        typeof(Facts).Assembly.Location,
        Path.GetDirectoryName(typeof(object).Assembly.Location) ?? "");
}

[JsonSerializable(typeof(Facts))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class FactsContext : JsonSerializerContext;
