using Calc;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace MstestFour;

[TestClass]
public class CalculatorTests
{
    [TestMethod]
    public void AddsTwoNumbers()
    {
        Assert.AreEqual(5, Calculator.Add(2, 3));
    }

    [TestMethod]
    [DataRow(-1, "negative")]
    [DataRow(1, "positive")]
    public void SignIsNamed(int number, string sign)
    {
        Assert.AreEqual(sign, Calculator.Sign(number));
    }
}
