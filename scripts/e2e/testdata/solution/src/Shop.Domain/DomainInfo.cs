namespace Shop.Domain;

public static class DomainInfo
{
    public static string Version => BuildInfo.Version;
}
