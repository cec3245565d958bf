using Lur.Checkpoints;
using Lur.Data;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>A method that is saved between two steps and made anew elsewhere goes on to the same bits.</summary>
public class ResumeTests
{
    private static readonly string[] s_methods =
    [
        .. MethodCatalog.Classification.Select(m => m.Name).Where(n => n is not ("iu" or "fisher" or "ssd")),
    ];

    [Test]
    public void AResumedMethodEndsWithTheSameBits([ValueSource(nameof(s_methods))] string name, [Values(1, 3)] int at)
    {
        using MethodScope whole = new(),
            first = new(),
            second = new();
        string[] options = ["epochs", "2", "batch", "16", "lr", "0.01"];
        whole.Run(name, options);

        var state = new TrainingState();
        using (var method = first.Create(name, options))
        {
            foreach (var preparation in method.Preparations)
                preparation.Run();
            for (var i = 0; i < at; i++)
            {
                method.Enqueue();
                if (method.Pending == 2)
                    method.Read();
            }

            method.Save(state);
            Assert.That(method.Pending, Is.GreaterThan(0), "a step is saved that was not read");
        }

        using (var method = second.Create(name, options))
        {
            method.Restore(state);
            Assert.That(method.Step, Is.EqualTo(at));
            while (method.Step < method.Steps)
                method.RunStep();
            method.Finish();
        }

        Errors.AssertSame(second.Model.Parameters.ToArray(), whole.Model.Parameters.ToArray(), "parameters");
        Errors.AssertSame(second.Model.Buffers.ToArray(), whole.Model.Buffers.ToArray(), "running statistics");
        Assert.That(second.Model.BatchesTracked, Is.EqualTo(whole.Model.BatchesTracked));
        Assert.That(whole.Model.Parameters.ToArray(), Is.Not.EqualTo(whole.Start));
    }

    /// <summary>Fails wherever a method looks at the shape of the data up to its first step, one after the other: feeds take memory
    /// and start threads with their first batch, not in a constructor.</summary>
    [Test]
    public void AMethodThatFailsLeavesNoMemoryAndNoThread(
        [Values("lur", "scissorhands", "salun-soft", "boundary-expand", "scrub")] string name
    )
    {
        using var scope = new MethodScope();
        var device = scope.Model.Device;
        (_, _) = (scope.Model.Parameters.Address, scope.Model.Buffers.Address);
        var live = device.LiveBytes;
        var failures = 0;
        for (var reads = 0; ; reads++)
        {
            using var data = new FailingData(scope.Task.Data, reads);
            try
            {
                using var method = MethodScope.Create(scope.Task with { Data = data }, name);
                foreach (var preparation in method.Preparations)
                    preparation.Run();
                method.RunStep();
                break;
            }
            catch (InvalidDataException)
            {
                failures++;
                Assert.That(device.LiveBytes, Is.EqualTo(live), $"bytes after a failure at read {reads}");
                Assert.That(LoaderThreads, Is.Zero.After(2000, 10), $"threads after a failure at read {reads}");
            }
        }

        Assert.That(failures, Is.GreaterThan(1));
    }

    [Test]
    public void PlanningAMethodTakesNoDeviceMemory()
    {
        using var scope = new MethodScope();
        var device = scope.Model.Device;
        _ = scope.Model.Parameters.Address;
        var (live, peak) = (device.LiveBytes, device.PeakBytes);
        device.ResetPeak();
        using var method = scope.Create("lur");
        Assert.That(method.Program!.Plan().ArenaBytes, Is.GreaterThan(0));
        Assert.That(method.PlanRows, Is.Not.Empty);
        Assert.That((device.LiveBytes, device.PeakBytes), Is.EqualTo((live, live)), $"peak before {peak}");
    }

    private static int LoaderThreads() =>
        Directory.GetDirectories("/proc/self/task").Count(t => ReadName(t).StartsWith("Lur loader", StringComparison.Ordinal));

    private static string ReadName(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm"));
        }
        catch (IOException)
        {
            return ""; // it has just ended
        }
    }

    private sealed class FailingData(IImageDataset data, int reads) : IImageDataset
    {
        private int _left = reads;

        public string Name => data.Name;

        public int Count => data.Count;

        public int Channels => _left-- > 0 ? data.Channels : throw new InvalidDataException("planted");

        public int Height => data.Height;

        public int Width => data.Width;

        public IReadOnlyList<string> ClassNames => data.ClassNames;

        public int Label(int index) => data.Label(index);

        public void CopyImage(int index, Span<byte> chw) => data.CopyImage(index, chw);

        public void Dispose() { }
    }
}
