using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>Nothing depends on copies or kernels being done when a call returns: a device that does its work at the last moment
/// gives the same bytes, also where each step is given before the one before it is read.</summary>
public class LateDeviceTests
{
    private static IEnumerable<string> Methods => MethodCatalog.Classification.Select(m => m.Name);

    [Test]
    public void EveryMethodGivesTheSameBytes([ValueSource(nameof(Methods))] string name)
    {
        using var prompt = new MethodScope();
        using var late = new MethodScope(device: TestDevices.Late);
        var definition = MethodCatalog.Find(name);
        string[] wanted = ["epochs", "2", "batch", "16"];
        string[] options = [.. wanted.Chunk(2).Where(pair => definition.Options.Any(o => o.Name == pair[0])).SelectMany(pair => pair)];
        var (expected, actual) = (prompt.Run(name, options), late.RunAhead(name, options));
        Assert.That(actual, Is.EqualTo(expected), "telemetry");
        Errors.AssertSame(late.Model.Parameters.ToArray(), prompt.Model.Parameters.ToArray(), "parameters");
        Errors.AssertSame(late.Model.Buffers.ToArray(), prompt.Model.Buffers.ToArray(), "running statistics");
    }
}
