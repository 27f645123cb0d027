using System.Globalization;
using System.Resources;

namespace Shop.Domain;

/// <summary>Texts of Resources.resx and its translations.</summary>
public static class Texts
{
    private static readonly ResourceManager Resources = new("Shop.Domain.Resources", typeof(Texts).Assembly);

    public static string? Get(string name, string culture) => Resources.GetString(name, new CultureInfo(culture));
}
