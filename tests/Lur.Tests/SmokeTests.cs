namespace Lur.Tests;

public class SmokeTests
{
    [Test]
    public void TestDirectoryIsKnown() => Assert.That(TestContext.CurrentContext.TestDirectory, Is.Not.Empty);
}
