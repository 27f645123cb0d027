namespace SampleApp.Core
{
    /// <summary>How many primes lie below a limit, and which of them is the largest.</summary>
    public sealed class PrimeCount
    {
        public PrimeCount(int count, int? largest)
        {
            Count = count;
            Largest = largest;
        }

        /// <summary>The number of primes below the limit.</summary>
        public int Count { get; }

        /// <summary>The largest prime below the limit; null when there is none, that is for limits up to 2.</summary>
        public int? Largest { get; }
    }
}
