using Lur.Device;

namespace Lur.Tests.Device;

/// <summary>The harness itself: what it promises to catch, it catches.</summary>
public class HarnessTests
{
    [Test]
    public void AWriteBesideABufferIsFound([Values(-1, 3)] int element)
    {
        foreach (var test in TestDevices.All)
        {
            using var x = new GuardedBuffer(test, Precision.Float32, [1, 2, 3]);
            // Behind a checked array there is no memory at all; its device reports the access itself.
            if (test.ChecksMemory && element == 3)
                continue;
            test.Device.Fill(x.Pointer.At(element, sizeof(float)), 0, 1);
            var e = Catch(() => x.Get());
            Assert.That(e, Does.Contain("outside a buffer of 3 elements"), $"{test}");
        }
    }

    [Test]
    public void AReadBehindABufferIsAFaultThatNamesTheKernelAndTheNextTestGetsAFreshDevice()
    {
        if (TestDevices.All.FirstOrDefault(t => t.ChecksMemory) is not { } test)
        {
            Assert.Ignore("Not run: this machine has no checked device.");
            return;
        }
        var x = new GuardedBuffer(test, Precision.Float32, new double[32]);
        var y = new GuardedBuffer(test, Precision.Float32, 33);
        var e = Assert.Throws<CudaException>(() =>
        {
            test.Device.Kernels(Precision.Float32).Vector.VectorScale(new LaunchShape(1, 32), y.Pointer, x.Pointer, 33, 1);
            test.Device.Synchronize();
        })!;
        Assert.That(e.CudaError, Is.EqualTo(CUResult.ErrorIllegalAddress), e.Message);
        Assert.That(e.Message, Does.Contain("vector_scale"));
        TestContext.Out.WriteLine(e.Message);
        var fresh = TestDevices.All.First(t => t.ChecksMemory);
        Assert.That(fresh.Device, Is.Not.SameAs(test.Device));
        using var z = new GuardedBuffer(fresh, Precision.Float32, [1, 2]);
        Errors.AssertSame(z.Get(), [1, 2], "after the reset");
    }

    [Test]
    public void ANewBufferIsNaN([Values] Precision precision)
    {
        using var x = new GuardedBuffer(TestDevices.All.First(), precision, 5);
        Assert.That(x.Get(), Has.All.NaN);
    }

    [Test]
    public void NaNIsNotClose() =>
        Assert.That(Catch(() => Errors.AssertClose([1, double.NaN], [1, 2], 1e3, "x")), Does.Contain("element 1 of 2 is NaN"));

    [Test]
    public void ErrorsAreRelativeToTheLargestValue()
    {
        Errors.AssertClose([100, 1e-3], [100, 0], 1.1e-5, "x");
        Assert.That(Catch(() => Errors.AssertClose([100, 1e-3], [100, 0], 0.9e-5, "x")), Does.Contain("element 1"));
    }

    [Test]
    public void RandomNumbersRepeatAndAreWhatTheySay()
    {
        var (a, b) = (TestRandom.ForCurrentTest(), TestRandom.ForCurrentTest());
        var values = a.NormalArray(10_000);
        Assert.That(b.NormalArray(10_000), Is.EqualTo(values));
        // Standard deviation of the mean is 0.01, of the mean square 0.014: five of each.
        Assert.That(values.Average(), Is.EqualTo(0).Within(0.05));
        Assert.That(values.Average(v => v * v), Is.EqualTo(1).Within(0.07));
        Assert.That(a.UniformArray(1000, -2, 3), Has.All.InRange(-2, 3));
    }

    // The message of the assertion that fails in an action, which does not fail the calling test.
    private static string Catch(Action action)
    {
        using (new NUnit.Framework.Internal.TestExecutionContext.IsolatedContext())
        {
            try
            {
                action();
            }
            catch (AssertionException e)
            {
                return e.Message;
            }
        }
        return "no assertion failed";
    }
}
