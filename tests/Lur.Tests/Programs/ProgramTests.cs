using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Programs;

/// <summary>What a program knows of its buffers: reads and writes from the signatures, lifetimes, memory only when it runs.</summary>
public class ProgramTests
{
    private const int N = 1031; // prime, above a block

    private static ComputeDevice Device => TestDevices.Default;

    private static Value Buffer(Program p, string name, ValueRole role = ValueRole.Activation) => p.Real(name, role, new Shape(N));

    [Test]
    public void APlanIsArithmetic()
    {
        var (live, allocations) = (Device.LiveBytes, Device.AllocationCount);
        using var p = new Program(Device, Precision.Float32) { Captured = true };
        var (a, b) = (Buffer(p, "a"), Program.Keep(Buffer(p, "b")));
        p.Launch.Vector.VectorFill(Device.Elements(N), a, N, 1);
        p.Launch.Vector.VectorScale(Device.Elements(N), b, a, N, 3);
        var plan = p.Plan();
        Assert.That((Device.LiveBytes, Device.AllocationCount), Is.EqualTo((live, allocations)), "a plan takes no memory");
        Assert.That(plan.ArenaBytes, Is.EqualTo(2 * ((N * 4) + 255) / 256 * 256).Within(256));
        Assert.That(p.IsCommitted, Is.False);
        p.Run();
        Assert.That(Device.AllocationCount, Is.EqualTo(allocations + 1), "one arena");
        var read = new float[N];
        Device.Download(read.AsSpan(), b.Pointer);
        Assert.That(read, Is.All.EqualTo(3f));
    }

    [Test]
    public void LifetimesComeFromTheSignatures()
    {
        using var p = new Program(Device, Precision.Float32);
        // a lives for operations 0 and 1, c for 2 and 3: they share; b lives from 1 to 2 and shares with neither.
        var (a, b, c, d) = (Buffer(p, "a"), Buffer(p, "b"), Buffer(p, "c"), Program.Keep(Buffer(p, "d")));
        var (k, shape) = (p.Launch.Vector, Device.Elements(N));
        k.VectorFill(shape, a, N, 2);
        k.VectorScale(shape, b, a, N, 3);
        k.VectorScale(shape, c, b, N, 5);
        k.VectorScale(shape, d, c, N, 7);
        p.Run();
        Assert.That(c.Address, Is.EqualTo(a.Address), "a is done with when c begins");
        Assert.That(b.Address, Is.Not.EqualTo(a.Address));
        var read = new float[N];
        Device.Download(read.AsSpan(), d.Pointer);
        Assert.That(read, Is.All.EqualTo(210f));
    }

    [Test]
    public void ABufferThatNothingWroteIsNamed()
    {
        using var p = new Program(Device, Precision.Float32);
        var (forgotten, y) = (Buffer(p, "forgotten"), Program.Keep(Buffer(p, "y")));
        p.Launch.Vector.VectorScale(Device.Elements(N), y, forgotten, N, 1);
        var e = Assert.Throws<InvalidOperationException>(() => p.Plan())!;
        Assert.That(e.Message, Does.Contain("'forgotten' is read by 'vector_scale' before anything has written it"));
    }

    [Test]
    public void PoisonShowsAWriteThatIsMissing()
    {
        // vector_axpy reads and writes its target, so its signature cannot tell that the first write is missing.
        double[] Run(bool poison)
        {
            using var p = new Program(Device, Precision.Float32) { Poison = poison };
            var (sum, x, y) = (Buffer(p, "sum"), Buffer(p, "x"), Program.Keep(Buffer(p, "y")));
            var (k, shape) = (p.Launch.Vector, Device.Elements(N));
            k.VectorFill(shape, x, N, 1);
            k.VectorAxpy(shape, sum, x, N, 1); // nothing has put zeros into sum
            k.VectorScale(shape, y, sum, N, 1);
            p.Run();
            var read = new float[N];
            Device.Download(read.AsSpan(), y.Pointer);
            return Array.ConvertAll(read, v => (double)v);
        }

        Assert.That(Run(poison: true), Is.All.NaN);
    }

    [Test]
    public void PoisonLeavesARightProgramAlone([Values] bool captured)
    {
        float[] Run(bool poison)
        {
            using var p = new Program(Device, Precision.Float32) { Poison = poison, Captured = captured };
            var (a, b, c) = (Buffer(p, "a"), Buffer(p, "b"), Program.Keep(Buffer(p, "c")));
            var factor = p.Constant("factor", [.. Enumerable.Repeat(0.5, N)]);
            var (k, shape) = (p.Launch.Vector, Device.Elements(N));
            k.VectorFill(shape, a, N, 3);
            k.VectorScale(shape, b, factor, N, 4);
            k.VectorAxpy(shape, b, a, N, 2);
            k.VectorScale(shape, c, b, N, 1);
            p.Run();
            p.Run();
            var read = new float[N];
            Device.Download(read.AsSpan(), c.Pointer);
            return read;
        }

        Assert.That(Run(poison: true), Is.EqualTo(Run(poison: false)).And.All.EqualTo(8f));
    }

    [Test]
    public void AnOperandOfTheWrongElementIsRefused()
    {
        using var p = new Program(Device, Precision.Float32);
        var labels = p.Raw("labels", ValueRole.Input, new Shape(N), sizeof(int));
        var e = Assert.Throws<ArgumentException>(() => p.Launch.Vector.VectorFill(Device.Elements(N), labels, N, 0))!;
        Assert.That(e.Message, Does.Contain("'labels' has elements of 4 bytes and is no array of Real"));
    }

    [Test]
    public void NothingIsAddedToAPlannedProgram()
    {
        using var p = new Program(Device, Precision.Float32);
        var a = Buffer(p, "a");
        p.Launch.Vector.VectorFill(Device.Elements(N), a, N, 0);
        p.Plan();
        Assert.Throws<InvalidOperationException>(() => Buffer(p, "late"));
        Assert.Throws<InvalidOperationException>(() => p.Launch.Vector.VectorFill(Device.Elements(N), a, N, 0));
    }

    [Test]
    public void AConstructorThatThrowsFreesWhatItMade()
    {
        var freed = new List<int>();
        Assert.Throws<InvalidOperationException>(() => _ = new Failing(freed));
        Assert.That(freed, Is.EqualTo(new[] { 2, 1 }), "last made first");
    }

    private sealed class Failing
    {
        public Failing(List<int> freed)
        {
            var resources = new Resources();
            using var construction = resources.Construct();
            resources.Own(new Owned(() => freed.Add(1)));
            resources.Own(new Owned(() => freed.Add(2)));
            throw new InvalidOperationException("planted");
        }
    }

    private sealed class Owned(Action onDispose) : IDisposable
    {
        public void Dispose() => onDispose();
    }
}
