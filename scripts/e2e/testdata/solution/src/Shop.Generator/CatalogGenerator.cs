using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Shop.Generator;

/// <summary>Makes the class Catalog of the additional file catalog.csv: a line "number,name" for each product.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class CatalogGenerator : IIncrementalGenerator
{
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var catalogs = context.AdditionalTextsProvider
            .Where(file => Path.GetFileName(file.Path) == "catalog.csv")
            .Select((file, cancel) => file.GetText(cancel)?.ToString() ?? "");
        context.RegisterSourceOutput(catalogs, (output, catalog) => output.AddSource("Catalog.g.cs", Write(catalog)));
    }

    private static string Write(string catalog)
    {
        var entries = new StringBuilder();
        foreach (var line in catalog.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var literals = line.Split(',', 2).Select(field => SymbolDisplay.FormatLiteral(field, quote: true)).ToArray();
            entries.Append($"        [{literals[0]}] = {literals[1]},\n");
        }

        return $$"""
            namespace Shop.Domain;

            public static class Catalog
            {
                public static global::System.Collections.Generic.IReadOnlyDictionary<string, string> Products { get; } =
                    new global::System.Collections.Generic.Dictionary<string, string>
                {
            {{entries}}    };
            }

            """;
    }
}
