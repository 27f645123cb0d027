using System.Text.RegularExpressions;

namespace Shop.Api;

internal static partial class ProductNumber
{
    public static bool IsValid(string number) => Pattern().IsMatch(number);

    [GeneratedRegex(@"^[A-Z]{3}-\d{4}$")]
    private static partial Regex Pattern();
}
