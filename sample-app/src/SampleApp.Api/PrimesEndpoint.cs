using System;
using System.Globalization;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using SampleApp.Core;

namespace SampleApp.Api
{
    /// <summary>
    /// <c>GET /primes?below=100</c> counts primes: <c>{"below":100,"count":25,"largest":97}</c>.
    /// A missing, repeated or malformed <c>below</c>, and one above the configured bound, is answered 400 with <c>{"error":"…"}</c>.
    /// </summary>
    internal sealed class PrimesEndpoint
    {
        private const string MaxBelowKey = "Primes:MaxBelow";

        // Tens of milliseconds of one core and 0.6 MB a request: what anyone may ask of a public endpoint.
        private const int DefaultMaxBelow = 10_000_000;

        private readonly int _maxBelow;

        private PrimesEndpoint(int maxBelow)
        {
            _maxBelow = maxBelow;
        }

        /// <summary>Reads the largest accepted <c>below</c> from the setting Primes:MaxBelow.</summary>
        /// <exception cref="InvalidOperationException">The setting is there and is not a whole number.</exception>
        public static PrimesEndpoint Configure(IConfiguration configuration)
        {
            string? setting = configuration[MaxBelowKey];
            if (string.IsNullOrEmpty(setting))
            {
                return new PrimesEndpoint(DefaultMaxBelow);
            }

            if (!TryParse(setting, out var maxBelow))
            {
                throw new InvalidOperationException(
                    $"reading the setting {MaxBelowKey}: '{setting}' is not a whole number from 0 to {int.MaxValue}; "
                    + "correct it in appsettings.json or in the environment variable Primes__MaxBelow");
            }

            return new PrimesEndpoint(maxBelow);
        }

        public Task AnswerAsync(HttpContext context)
        {
            var values = context.Request.Query["below"];
            if (values.Count != 1 || !TryParse(values[0], out var below) || below > _maxBelow)
            {
                return JsonAnswer.WriteAsync(context, StatusCodes.Status400BadRequest, json =>
                    json.WriteString("error", $"below must be given once, as a whole number from 0 to {_maxBelow}"));
            }

            var primes = PrimeSieve.Below(below);
            return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, json =>
            {
                json.WriteNumber("below", below);
                json.WriteNumber("count", primes.Count);
                if (primes.Largest.HasValue)
                {
                    json.WriteNumber("largest", primes.Largest.Value);
                }
                else
                {
                    json.WriteNull("largest");
                }
            });
        }

        private static bool TryParse(string? text, out int number)
        {
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        }
    }
}
