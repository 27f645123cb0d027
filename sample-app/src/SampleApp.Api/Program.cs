using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Hosting;

namespace SampleApp.Api
{
    public static class Program
    {
        public static void Main(string[] args)
        {
            CreateHostBuilder(args).Build().Run();
        }

        /// <summary>The app's host, not yet built. The tests find it by this name and signature.</summary>
        public static IHostBuilder CreateHostBuilder(string[] args)
        {
            return Host.CreateDefaultBuilder(args).ConfigureWebHostDefaults(webHost =>
            {
#if !NET8_0_OR_GREATER
                HttpPorts.Apply(webHost);
#endif
                webHost.UseStartup<Startup>();
            });
        }
    }
}
