using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tests.Device;
using Lur.Tests.Unlearning;
using Lur.Training;

namespace Lur.Tests.Training;

/// <summary>Whatever is sent ahead, each run reads the batch it was filled with: on a device that works at once and on one that
/// works at the last moment.</summary>
public class BatchFeedTests
{
    private const int Batch = 5;

    [Test]
    public void EveryRunReadsItsBatch([Values] bool late, [Values] bool captured)
    {
        var random = TestRandom.ForCurrentTest();
        using var scope = new MethodScope(device: late ? TestDevices.Late : TestDevices.Default);
        using var lanes = new Lanes(scope, captured);
        // Two feeds and two stages in any order: what was sent ahead for one stage may be asked for by the other, and a stage may
        // hold ahead what another feed replaces. Several runs are given before the device is waited for.
        for (var i = 0; i < 60; i++)
        {
            var (feed, stage) = (random.Below(2), random.Below(2));
            for (var k = random.Below(3); k >= 0; k--)
                lanes.Run(feed, stage);
            lanes.AssertLast(stage);
        }
    }

    [Test]
    public void RowsOfTheHostAndAFeedTakeTurns([Values] bool late)
    {
        using var scope = new MethodScope(device: late ? TestDevices.Late : TestDevices.Default);
        using var lanes = new Lanes(scope, captured: true);
        lanes.Run(0, 0);
        lanes.Run(0, 0);
        lanes.AssertLast(0);
        lanes.RunRows(0, [8, 6, 4, 2, 0]);
        lanes.AssertLast(0);
        lanes.Run(0, 0);
        lanes.AssertLast(0);
    }

    [Test]
    public void AFeedHoldsNothingBeforeItsFirstBatch()
    {
        using var scope = new MethodScope();
        using var feed = new BatchFeed(scope.Task.Data, [0, 1, 2], 1 << 20, 1);
        Assert.That(feed.BatchesPerEpoch, Is.EqualTo(1));
    }

    /// <summary>Two feeds with the samplers that say what they give, and two programs with a stage each.</summary>
    private sealed class Lanes : IDisposable
    {
        private readonly MethodScope _scope;
        private readonly BatchFeed[] _feeds;
        private readonly BatchSampler[] _samplers;
        private readonly Program[] _programs = new Program[2];
        private readonly BatchStage[] _stages = new BatchStage[2];
        private readonly Value[] _kept = new Value[2];
        private readonly int[] _last = new int[Batch];

        public Lanes(MethodScope scope, bool captured)
        {
            _scope = scope;
            int[][] samples =
            [
                [.. Enumerable.Range(0, 23)],
                [.. Enumerable.Range(40, 31)],
            ];
            _feeds = [.. samples.Select((s, i) => new BatchFeed(scope.Task.Data, s, Batch, (ulong)i))];
            _samplers = [.. samples.Select((s, i) => new BatchSampler(s, Batch, (ulong)i))];
            for (var i = 0; i < 2; i++)
            {
                _programs[i] = new Program(scope.Model.Device, Precision.Float32) { Captured = captured };
                _stages[i] = new BatchStage(_programs[i], $"stage {i}", Batch, scope.Model, augment: false, seed: 1);
                _kept[i] = Program.Keep(_stages[i].Input);
            }
        }

        public void Run(int feed, int stage)
        {
            _feeds[feed].Fill(_stages[stage]);
            _programs[stage].Run();
            _samplers[feed].Next(_last);
            Assert.That(_feeds[feed].Indices.ToArray(), Is.EqualTo(_last));
        }

        public void RunRows(int stage, int[] samples)
        {
            for (var i = 0; i < Batch; i++)
                _stages[stage].SetRow(i, _scope.Task.Data, samples[i]);
            _programs[stage].Run();
            samples.CopyTo(_last, 0);
        }

        public void AssertLast(int stage)
        {
            var (data, device, network) = (_scope.Task.Data, _scope.Model.Device, _scope.Model.Network);
            var (c, pixels) = (network.Channels, network.Height * network.Width);
            var (actual, labels) = (new float[Batch * c * pixels], new int[Batch]);
            device.Download(actual.AsSpan(), _kept[stage].Pointer);
            device.Download(labels.AsSpan(), _stages[stage].DeviceLabels.Typed<int>());
            Assert.That(labels, Is.EqualTo(_last.Select(data.Label)));
            var sample = new byte[c * pixels];
            for (var i = 0; i < Batch; i++)
            {
                data.CopyImage(_last[i], sample);
                Assert.That(
                    Enumerable.Range(0, sample.Length).All(p => Close(actual[(i * sample.Length) + p], sample[(p % c * pixels) + (p / c)])),
                    $"sample {i} of the batch"
                );
            }
        }

        public void Dispose()
        {
            foreach (var item in _feeds.Cast<IDisposable>().Concat(_programs))
                item.Dispose();
        }

        // Normalised to (byte / 255 - 0.5) / 0.25; neighbouring bytes are 4 / 255 apart.
        private static bool Close(float actual, byte pixel) => Math.Abs(actual - (((pixel / 255.0) - 0.5) / 0.25)) < 1e-5;
    }
}
