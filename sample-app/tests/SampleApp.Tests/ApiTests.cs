using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Http;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.Configuration;
using SampleApp.Api;
using Xunit;

namespace SampleApp.Tests
{
    public class ApiTests : IClassFixture<WebApplicationFactory<Startup>>
    {
        private readonly WebApplicationFactory<Startup> _app;

        public ApiTests(WebApplicationFactory<Startup> app)
        {
            _app = app;
        }

        [Fact]
        public async Task HomeSaysWhatTheProcessRunsOn()
        {
            var (status, answer) = await GetJsonAsync(_app, "/");

            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal("sample-app", answer.GetProperty("service").GetString());
            Assert.Equal(RuntimeInformation.ProcessArchitecture.ToString(), answer.GetProperty("architecture").GetString());
            Assert.Equal(RuntimeInformation.OSDescription, answer.GetProperty("os").GetString());
            Assert.Equal(RuntimeInformation.FrameworkDescription, answer.GetProperty("framework").GetString());
        }

        [Fact]
        public async Task HealthzSaysHealthy()
        {
            using var client = _app.CreateClient();

            Assert.Equal("Healthy", await client.GetStringAsync("/healthz"));
        }

        [Theory]
        [InlineData("1000000", 78_498, 999_983)]
        [InlineData("10000000", 664_579, 9_999_991)]
        public async Task PrimesAreCounted(string below, int count, int largest)
        {
            var (status, answer) = await GetJsonAsync(_app, "/primes?below=" + below);

            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(below, answer.GetProperty("below").GetRawText());
            Assert.Equal(count, answer.GetProperty("count").GetInt32());
            Assert.Equal(largest, answer.GetProperty("largest").GetInt32());
        }

        [Fact]
        public async Task WithoutAPrimeTheLargestIsNull()
        {
            var (status, answer) = await GetJsonAsync(_app, "/primes?below=2");

            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(0, answer.GetProperty("count").GetInt32());
            Assert.Equal(JsonValueKind.Null, answer.GetProperty("largest").ValueKind);
        }

        [Theory]
        [InlineData("/primes")]
        [InlineData("/primes?below=")]
        [InlineData("/primes?below=ten")]
        [InlineData("/primes?below=-1")]
        [InlineData("/primes?below=1.5")]
        [InlineData("/primes?below=%201")]
        [InlineData("/primes?below=1&below=2")]
        [InlineData("/primes?below=10000001")]
        [InlineData("/primes?below=99999999999999999999")]
        public async Task BadLimitsAreRefusedWithTheRange(string path)
        {
            var (status, answer) = await GetJsonAsync(_app, path);

            Assert.Equal(HttpStatusCode.BadRequest, status);
            Assert.Equal("below must be given once, as a whole number from 0 to 10000000", answer.GetProperty("error").GetString());
        }

        [Fact]
        public async Task TheLargestLimitIsASetting()
        {
            using var app = WithMaxBelow("100");

            var (accepted, _) = await GetJsonAsync(app, "/primes?below=100");
            var (refused, answer) = await GetJsonAsync(app, "/primes?below=101");

            Assert.Equal(HttpStatusCode.OK, accepted);
            Assert.Equal(HttpStatusCode.BadRequest, refused);
            Assert.EndsWith("from 0 to 100", answer.GetProperty("error").GetString());
        }

        [Fact]
        public void ABadSettingStopsTheStartAndNamesItself()
        {
            using var app = WithMaxBelow("many");

            var error = Assert.Throws<InvalidOperationException>(() => app.CreateClient());

            Assert.StartsWith("reading the setting Primes:MaxBelow: 'many'", error.Message);
        }

        [Theory]
        [InlineData("/about.html", "text/html", "<h1>sample-app</h1>")]
        [InlineData("/about.css", "text/css", "font:")]
        public async Task StaticFilesAreServed(string path, string mediaType, string part)
        {
            using var client = _app.CreateClient();
            using var response = await client.GetAsync(path);

            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(mediaType, response.Content.Headers.ContentType?.MediaType);
            Assert.Contains(part, await response.Content.ReadAsStringAsync());
        }

        [Fact]
        public async Task UnknownPathsAreNotFound()
        {
            using var client = _app.CreateClient();
            using var response = await client.GetAsync("/nowhere");

            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }

        private static async Task<(HttpStatusCode, JsonElement)> GetJsonAsync(WebApplicationFactory<Startup> app, string path)
        {
            using var client = app.CreateClient();
            using var response = await client.GetAsync(path);

            Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
            using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            return (response.StatusCode, document.RootElement.Clone());
        }

        private WebApplicationFactory<Startup> WithMaxBelow(string value)
        {
            var settings = new Dictionary<string, string?> { ["Primes:MaxBelow"] = value };
            return _app.WithWebHostBuilder(webHost =>
                webHost.ConfigureAppConfiguration(configuration => configuration.AddInMemoryCollection(settings)));
        }
    }
}
