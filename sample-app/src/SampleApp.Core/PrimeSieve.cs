using System;
using System.Collections;

namespace SampleApp.Core
{
    /// <summary>The sieve of Eratosthenes over the odd numbers: one bit for each of them.</summary>
    public static class PrimeSieve
    {
        /// <summary>Counts the primes below a limit, the limit itself excluded.</summary>
        /// <param name="limit">Zero or more. Time grows with it a little faster than in proportion; memory is limit / 16 bytes.</param>
        /// <exception cref="ArgumentOutOfRangeException">The limit is negative.</exception>
        public static PrimeCount Below(int limit)
        {
            if (limit < 0)
            {
                throw new ArgumentOutOfRangeException(nameof(limit), limit, "The limit must not be negative.");
            }

            return limit <= 2 ? new PrimeCount(0, null) : Count(SieveOddNumbers(limit));
        }

        // Bit i of the result stands for the odd number 2i + 1 and is set when that number is composite.
        private static BitArray SieveOddNumbers(int limit)
        {
            var composite = new BitArray(limit / 2);
            for (long factor = 3; factor * factor < limit; factor += 2)
            {
                if (composite[(int)(factor / 2)])
                {
                    continue;
                }

                // Smaller multiples have a smaller prime factor, so they are marked already.
                for (long multiple = factor * factor; multiple < limit; multiple += 2 * factor)
                {
                    composite[(int)(multiple / 2)] = true;
                }
            }

            return composite;
        }

        private static PrimeCount Count(BitArray composite)
        {
            // 2 is the one even prime; bit 0 stands for 1, which is none.
            var count = 1;
            var largest = 2;
            for (var i = 1; i < composite.Length; i++)
            {
                if (!composite[i])
                {
                    count++;
                    largest = (2 * i) + 1;
                }
            }

            return new PrimeCount(count, largest);
        }
    }
}
