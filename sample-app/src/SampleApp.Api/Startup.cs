using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace SampleApp.Api
{
    public class Startup
    {
        private readonly IConfiguration _configuration;

        public Startup(IConfiguration configuration)
        {
            _configuration = configuration;
        }

        public void ConfigureServices(IServiceCollection services)
        {
            services.AddHealthChecks();
        }

        public void Configure(IApplicationBuilder app)
        {
            var primes = PrimesEndpoint.Configure(_configuration);

#if !NET9_0_OR_GREATER
            app.UseStaticFiles();
#endif
            app.UseRouting();
            app.UseEndpoints(endpoints =>
            {
                endpoints.MapGet("/", HomeEndpoint.AnswerAsync);
                endpoints.MapGet("/primes", primes.AnswerAsync);
                endpoints.MapHealthChecks("/healthz");
#if NET9_0_OR_GREATER
                endpoints.MapStaticAssets();
#endif
            });
        }
    }
}
