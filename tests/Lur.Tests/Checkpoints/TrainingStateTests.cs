using Lur.Checkpoints;
using Lur.Tests.Data;

namespace Lur.Tests.Checkpoints;

public class TrainingStateTests
{
    private static TrainingState Make()
    {
        var state = new TrainingState();
        state.SetArray("order", new byte[] { 1, 2, 255 });
        state.SetArray("parameters", new[] { 1.5f, float.NaN, -0f, float.Epsilon });
        state.SetArray("momentum64", new[] { Math.PI });
        state.SetArray("seen", new[] { long.MinValue });
        state.SetArray("nothing", Array.Empty<int>());
        state.Set("step", 123456789012345L);
        state.Set("seed", ulong.MaxValue);
        state.Set("rate", 0.1 + 0.2);
        state.Set("config", "abc");
        return state;
    }

    [Test]
    public void EverythingComesBackWithTheSameBits()
    {
        using var folder = new TempFolder();
        Make().Save(folder["s"]);
        var back = TrainingState.Load(folder["s"]);
        Assert.Multiple(() =>
        {
            Assert.That(back.GetArray<byte>("order", 3), Is.EqualTo(new byte[] { 1, 2, 255 }));
            Assert.That(
                back.GetArray<float>("parameters").Select(BitConverter.SingleToInt32Bits),
                Is.EqualTo(new[] { 1.5f, float.NaN, -0f, float.Epsilon }.Select(BitConverter.SingleToInt32Bits))
            );
            Assert.That(back.GetArray<double>("momentum64"), Is.EqualTo(new[] { Math.PI }));
            Assert.That(back.GetArray<long>("seen"), Is.EqualTo(new[] { long.MinValue }));
            Assert.That(back.GetArray<int>("nothing", 0), Is.Empty);
            Assert.That(
                (back.GetInt64("step"), back.GetUInt64("seed"), back.GetDouble("rate"), back.GetString("config")),
                Is.EqualTo((123456789012345L, ulong.MaxValue, 0.1 + 0.2, "abc"))
            );
        });
        back.Save(folder["t"]);
        TrainingState.Load(folder["t"]).Save(folder["u"]);
        Assert.That(File.ReadAllBytes(folder["u"]), Is.EqualTo(File.ReadAllBytes(folder["t"])));
    }

    [Test]
    public void WhatDoesNotFitIsOneSentence()
    {
        var state = Make();
        Assert.Multiple(() =>
        {
            Assert.That(Fails(() => state.GetArray<float>("x")), Does.Contain("no array 'x'"));
            Assert.That(Fails(() => state.GetArray<float>("order")), Does.Contain("is U8, expected F32"));
            Assert.That(Fails(() => state.GetArray<float>("parameters", 5)), Does.Contain("4 elements, expected 5"));
            Assert.That(Fails(() => state.GetInt64("config")), Does.Contain("'abc', expected an integer"));
            Assert.That(Fails(() => state.GetDouble("nowhere")), Does.Contain("no value 'nowhere'"));
            Assert.That(
                Fails(() => state.Require("config", "abd", "start a new run")),
                Does.Contain("'config' is 'abc', but this run has 'abd'; start a new run.")
            );
            Assert.That(() => state.Require("config", "abc", ""), Throws.Nothing);
        });
    }

    // Longer than the parts that a state is hashed, written and read in.
    [Test]
    public void LongArraysComeBack()
    {
        using var folder = new TempFolder();
        var state = new TrainingState();
        var bytes = new byte[(3 << 20) + 1];
        var numbers = new double[(1 << 18) + 3];
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(i * 7 % 251);
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = i / 3.0;
        state.SetArray("bytes", bytes);
        state.SetArray("numbers", numbers);
        state.Save(folder["s"]);
        var back = TrainingState.Load(folder["s"]);
        Assert.That(back.GetArray<byte>("bytes").AsSpan().SequenceEqual(bytes));
        Assert.That(back.GetArray<double>("numbers").AsSpan().SequenceEqual(numbers));
        using var file = SafeTensorsFile.Open(folder["s"]);
        Assert.That(file.Bytes("numbers").SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes(numbers.AsSpan())));
    }

    [Test]
    [Explicit("2 GiB of memory, 2 GiB of disk and half a minute")]
    public void AnArrayOfMoreThanTwoGibibytesComesBack()
    {
        using var folder = new TempFolder();
        var state = new TrainingState();
        var values = new float[(1 << 29) + 1];
        (values[0], values[^1]) = (1.5f, -2.5f);
        state.SetArray("parameters", values);
        state.Save(folder["s"]);
        var back = TrainingState.Load(folder["s"]).GetArray<float>("parameters", values.Length);
        Assert.That((back[0], back[1], back[^1]), Is.EqualTo((1.5f, 0f, -2.5f)));
    }

    // Every byte of the data section and of the values: one flipped bit must not pass.
    [Test]
    public void AFlippedBitIsFound()
    {
        using var folder = new TempFolder();
        Make().Save(folder["s"]);
        var bytes = File.ReadAllBytes(folder["s"]);
        for (var i = 8; i < bytes.Length; i++)
        {
            var original = bytes[i];
            bytes[i] ^= 1;
            folder.Write("t", bytes);
            bytes[i] = original;
            if (original != (byte)' ') // padding may become '!', which is no JSON either, but a space inside stays harmless
                Assert.That(() => TrainingState.Load(folder["t"]), Throws.InstanceOf<UserErrorException>(), $"byte {i}");
        }
    }

    [Test]
    public void AModelIsNoTrainingState()
    {
        using var folder = new TempFolder();
        new SafeTensorsWriter().Save(folder["m"]);
        Assert.That(Fails(() => TrainingState.Load(folder["m"])), Does.Contain("not a training state"));
    }

    private static string Fails(Action action) => Assert.Throws<UserErrorException>(() => action())!.Message;
}
