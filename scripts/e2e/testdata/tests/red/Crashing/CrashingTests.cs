using NUnit.Framework;

namespace Crashing;

public class CrashingTests
{
    [Test]
    public void Passes()
    {
    }

    [Test]
    public void EndsTheProcess()
    {
        Environment.Exit(7);
    }
}
