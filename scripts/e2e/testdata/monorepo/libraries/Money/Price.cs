namespace Money;

public static class Price
{
    public static string Facts(string service) => Shared.Facts.Of(service + " with prices");
}
