#if !NET8_0_OR_GREATER
using System;
using System.Linq;
using Microsoft.AspNetCore.Hosting;

namespace SampleApp.Api
{
    /// <summary>
    /// Honours ASPNETCORE_HTTP_PORTS (<c>8080</c> or <c>8080;8081</c>) where the framework does not: it does from .NET 8 on.
    /// As there, ASPNETCORE_URLS wins over it.
    /// </summary>
    internal static class HttpPorts
    {
        public static void Apply(IWebHostBuilder webHost)
        {
            var ports = webHost.GetSetting("http_ports");
            if (string.IsNullOrEmpty(ports) || !string.IsNullOrEmpty(webHost.GetSetting(WebHostDefaults.ServerUrlsKey)))
            {
                return;
            }

            webHost.UseUrls(ports
                .Split(new[] { ';' }, StringSplitOptions.RemoveEmptyEntries)
                .Select(port => "http://*:" + port.Trim())
                .ToArray());
        }
    }
}
#endif
