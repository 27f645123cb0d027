using System;
using System.Linq;
using SampleApp.Core;
using Xunit;

namespace SampleApp.Tests
{
    public class PrimeSieveTests
    {
        // Counts: https://oeis.org/A006880. Largest primes below powers of ten: https://oeis.org/A003618.
        [Theory]
        [InlineData(3, 1, 2)]
        [InlineData(4, 2, 3)]
        [InlineData(10, 4, 7)]
        [InlineData(100, 25, 97)]
        [InlineData(1_000_000, 78_498, 999_983)]
        [InlineData(10_000_000, 664_579, 9_999_991)]
        public void KnownCountsAreFound(int limit, int count, int largest)
        {
            var primes = PrimeSieve.Below(limit);

            Assert.Equal(count, primes.Count);
            Assert.Equal(largest, primes.Largest);
        }

        [Theory]
        [InlineData(0)]
        [InlineData(1)]
        [InlineData(2)]
        public void ThereIsNoPrimeBelowTwo(int limit)
        {
            var primes = PrimeSieve.Below(limit);

            Assert.Equal(0, primes.Count);
            Assert.Null(primes.Largest);
        }

        [Fact]
        public void EveryLimitAgreesWithTrialDivision()
        {
            for (var limit = 0; limit <= 1_000; limit++)
            {
                var expected = Enumerable.Range(0, limit).Where(IsPrime).ToList();
                var primes = PrimeSieve.Below(limit);

                Assert.Equal(expected.Count, primes.Count);
                Assert.Equal(expected.Count == 0 ? (int?)null : expected[^1], primes.Largest);
            }
        }

        [Fact]
        public void ANegativeLimitIsRefused()
        {
            Assert.Throws<ArgumentOutOfRangeException>("limit", () => PrimeSieve.Below(-1));
        }

        private static bool IsPrime(int number)
        {
            return number >= 2 && Enumerable.Range(2, number - 2).All(divisor => number % divisor != 0);
        }
    }
}
