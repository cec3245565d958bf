using Lur.Data;
using Lur.Device;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Unlearning;

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
            for (var k = random.Below(6); k >= 0; k--)
                lanes.Run(feed, stage);
            lanes.AssertRuns(stage);
        }
    }

    [Test]
    public void RowsOfTheHostAndAFeedTakeTurns([Values] bool late)
    {
        using var scope = new MethodScope(device: late ? TestDevices.Late : TestDevices.Default);
        using var lanes = new Lanes(scope, captured: true);
        lanes.Run(0, 0);
        lanes.Run(0, 0);
        lanes.AssertRuns(0);
        lanes.RunRows(0, [8, 6, 4, 2, 0]);
        lanes.AssertRuns(0);
        lanes.Run(0, 0);
        lanes.AssertRuns(0);
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
        private readonly FlatVector[] _sums = new FlatVector[2];
        private readonly double[][] _expected = new double[2][];
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
                _stages[i] = new ClassificationBatch(_programs[i], $"stage {i}", Batch, scope.Model, augment: false, seed: 1);
                var (input, layout) = (_stages[i].Input, new ParameterLayout());
                layout.Add("sum", ParameterKind.Matrix, input.Shape);
                _sums[i] = new FlatVector(scope.Model.Device, Precision.Float32, layout, "sum of all batches");
                _expected[i] = new double[layout.Count];
                _programs[i].Launch.Vector.VectorAxpy(scope.Model.Device.Elements(layout.Count), _sums[i], input, layout.Count, 1);
            }
        }

        public void Run(int feed, int stage)
        {
            _feeds[feed].Fill(_stages[stage]);
            _programs[stage].Run();
            _samplers[feed].Next(_last);
            Assert.That(_feeds[feed].Indices.ToArray(), Is.EqualTo(_last));
            Expect(stage);
        }

        public void RunRows(int stage, int[] samples)
        {
            for (var i = 0; i < Batch; i++)
                _stages[stage].SetRow(i, _scope.Task.Data, samples[i]);
            _programs[stage].Run();
            samples.CopyTo(_last, 0);
            Expect(stage);
        }

        /// <summary>The labels of the last run, and the images of every run so far.</summary>
        public void AssertRuns(int stage)
        {
            var labels = new int[Batch];
            _scope.Model.Device.Download(labels.AsSpan(), _stages[stage].DeviceLabels.Typed<int>());
            Assert.That(labels, Is.EqualTo(_last.Select(_scope.Task.Data.Label)));
            // Some two hundred terms of size 1 to 2, each rounded to 2^-24 of the sum: 200 * 200 * 2^-24 < 3e-3. One byte of one image
            // is 4 / 255 = 1.6e-2.
            Assert.That(_sums[stage].ToArray(), Is.EqualTo(_expected[stage]).Within(3e-3));
        }

        private void Expect(int stage)
        {
            var (data, network) = (_scope.Task.Data, _scope.Model.Network);
            var (c, pixels) = (network.Channels, network.Height * network.Width);
            var sample = new byte[c * pixels];
            for (var i = 0; i < Batch; i++)
            {
                data.CopyImage(_last[i], sample);
                for (var p = 0; p < sample.Length; p++)
                    _expected[stage][(i * sample.Length) + p] += ((sample[(p % c * pixels) + (p / c)] / 255.0) - 0.5) / 0.25;
            }
        }

        public void Dispose()
        {
            foreach (var item in _feeds.Cast<IDisposable>().Concat(_programs).Concat(_sums))
                item.Dispose();
        }
    }
}
