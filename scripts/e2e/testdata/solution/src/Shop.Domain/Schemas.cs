namespace Shop.Domain;

/// <summary>The JSON schemas that are embedded in this assembly.</summary>
public static class Schemas
{
    public static IEnumerable<string> Names => typeof(Schemas).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith("schemas/", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    public static string Read(string name)
    {
        using var reader = new StreamReader(typeof(Schemas).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
