using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Programs;

/// <summary>Numbers of a run that are read while a later run is with the device.</summary>
public class RunOutputTests
{
    [Test]
    public void EachRunIsReadInTurnThoughTheNextWasGiven([Values] bool late, [Values] bool captured)
    {
        var device = late ? TestDevices.Late : TestDevices.Default;
        using var program = new Program(device, Precision.Float32) { Captured = captured };
        var given = program.Input<int>("given", new Shape(3));
        var left = program.Raw("left", ValueRole.Output, new Shape(3), sizeof(int));
        program.Copy(left.At<int>(0), given.Device.At<int>(0), 3 * sizeof(int));
        var output = program.Output<int>(left);
        Assert.That(output.Pending, Is.Zero);
        Give(1);
        for (var i = 2; i < 7; i++)
        {
            Give(i);
            Assert.That(output.Pending, Is.EqualTo(2));
            output.Read();
            Assert.That(output.Span.ToArray(), Is.EqualTo(new[] { i - 1, 10 * (i - 1), 7 }));
        }

        Give(7);
        Assert.That(() => Give(8), Throws.InvalidOperationException.With.Message.Contains("have not been read"));

        void Give(int i)
        {
            (given.Span[0], given.Span[1], given.Span[2]) = (i, 10 * i, 7);
            program.Run();
        }
    }

    [Test]
    public void NothingIsThereToReadBeforeTheFirstRun()
    {
        using var program = new Program(TestDevices.Default, Precision.Float32);
        var left = program.Raw("left", ValueRole.Output, new Shape(1), sizeof(int));
        program.Clear(left);
        var output = program.Output<int>(left);
        Assert.That(output.Read, Throws.InvalidOperationException.With.Message.Contains("read already"));
        program.Run();
        output.Read();
        Assert.That(output.Pending, Is.Zero);
    }
}
