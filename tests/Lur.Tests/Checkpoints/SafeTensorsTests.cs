using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Lur.Checkpoints;
using Lur.Tests.Data;

namespace Lur.Tests.Checkpoints;

public class SafeTensorsTests
{
    internal static byte[] FileOf(string json, int dataBytes, int padding = 0)
    {
        var text = Encoding.UTF8.GetBytes(json + new string(' ', padding));
        var bytes = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, text.Length);
        text.CopyTo(bytes, 8);
        for (var i = 0; i < dataBytes; i++)
            bytes[8 + text.Length + i] = (byte)(i * 11 + 1);
        return bytes;
    }

    // Another writer's order of keys, white space, metadata last, odd padding, a scalar, an empty tensor, offsets not in
    // the order of names, and an unaligned tensor.
    internal const string Foreign = """
        { "b.weight":{"shape":[2,3],"dtype":"F32","data_offsets":[9,33]},
          "a":{"dtype":"I64","shape":[],"data_offsets":[1,9]}, "flag":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},
          "none":{"dtype":"F16","shape":[0,4],"data_offsets":[33,33]}, "é\u0041":{"dtype":"BF16","shape":[1,1,2],"data_offsets":[33,37]},
          "__metadata__":{"format":"pt","note":"x\ny"} }
        """;

    [Test]
    public void ReadsWhatAnotherWriterWrote()
    {
        using var folder = new TempFolder();
        var bytes = FileOf(Foreign, 37, 5);
        using var file = SafeTensorsFile.Open(folder.Write("f", bytes));
        Assert.That(file.Tensors.Select(t => t.Name), Is.EqualTo(new[] { "b.weight", "a", "flag", "none", "éA" }));
        Assert.That(file.Metadata, Is.EqualTo(new Dictionary<string, string> { ["format"] = "pt", ["note"] = "x\ny" }));
        Assert.That(
            (file["a"].Count, file["a"].ShapeText, file["none"].Count, file["b.weight"].ShapeText),
            Is.EqualTo((1L, "[]", 0L, "[2, 3]"))
        );
        var data = bytes[^37..];
        Assert.That(file.Bytes("b.weight").ToArray(), Is.EqualTo(data[9..33]));
        var values = new float[6];
        file.Read("b.weight", values);
        Assert.That(values, Is.EqualTo(MemoryMarshal.Cast<byte, float>(data.AsSpan(9, 24)).ToArray()));
        Assert.That(file.ReadArray<long>("a"), Is.EqualTo(new[] { BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(1)) }));
        Assert.That(file.Contains("flag") && !file.Contains("Flag"));
        Assert.That(() => file["x"], Throws.InstanceOf<UserErrorException>().With.Message.Contain("no tensor 'x'"));
        Assert.That(
            () => file.Read("a", new float[1]),
            Throws.InstanceOf<UserErrorException>().With.Message.Contain("is I64, expected a floating type")
        );
        Assert.That(
            () => file.Read("b.weight", new float[5]),
            Throws.InstanceOf<UserErrorException>().With.Message.Contain("[2, 3], 6 elements, expected 5")
        );
        Assert.That(() => file.ReadArray<int>("a"), Throws.InstanceOf<UserErrorException>().With.Message.Contain("is I64, expected I32"));
    }

    [Test]
    public void RewritingWithoutChangeIsByteIdentical()
    {
        using var folder = new TempFolder();
        var bytes = FileOf(Foreign, 37, 5);
        using var file = SafeTensorsFile.Open(folder.Write("f", bytes));
        file.Rewrite(folder["g"], new Dictionary<string, ReadOnlyMemory<byte>>());
        Assert.That(File.ReadAllBytes(folder["g"]), Is.EqualTo(bytes));
        // Through memory and onto itself, while mapped.
        file.Rewrite(folder["f"], file.Tensors.ToDictionary(t => t.Name, t => (ReadOnlyMemory<byte>)file.Bytes(t.Name).ToArray()));
        Assert.That(File.ReadAllBytes(folder["f"]), Is.EqualTo(bytes));
        var changed = new byte[24];
        file.Rewrite(folder["g"], new Dictionary<string, ReadOnlyMemory<byte>> { ["b.weight"] = changed });
        changed.CopyTo(bytes, bytes.Length - 37 + 9);
        Assert.That(File.ReadAllBytes(folder["g"]), Is.EqualTo(bytes));
        Assert.That(
            () => file.Rewrite(folder["g"], new Dictionary<string, ReadOnlyMemory<byte>> { ["c"] = changed }),
            Throws.InstanceOf<UserErrorException>()
        );
        Assert.That(
            () => file.Rewrite(folder["g"], new Dictionary<string, ReadOnlyMemory<byte>> { ["a"] = changed }),
            Throws.ArgumentException
        );
    }

    [Test]
    public void WhatIsWrittenComesBackAlignedAndInOrder()
    {
        using var folder = new TempFolder();
        var writer = new SafeTensorsWriter();
        writer.Metadata["z"] = "1";
        writer.Metadata["a"] = "ü\"";
        writer.Add<byte>("bytes", [3], [1, 2, 3]);
        writer.Add<float>("second", [2, 1], [1.5f, -0f]);
        writer.Add<long>("num_batches_tracked", [], [7]);
        writer.Add<float>("first", [1], [float.NaN]);
        writer.Add<double>("empty", [0, 5], []);
        writer.Save(folder["f"]);
        using var file = SafeTensorsFile.Open(folder["f"]);
        Assert.That(file.Tensors.Select(t => t.Name), Is.EqualTo(new[] { "num_batches_tracked", "empty", "second", "first", "bytes" }));
        Assert.That(file.Metadata, Is.EqualTo(new Dictionary<string, string> { ["z"] = "1", ["a"] = "ü\"" }));
        var data = new FileInfo(folder["f"]).Length - file.Tensors.Max(t => t.End);
        Assert.That(data % 8, Is.Zero);
        Assert.That(file.Tensors.Where(t => (data + t.Begin) % t.Type.Size() != 0), Is.Empty);
        Assert.That(file.ReadArray<float>("second").Select(BitConverter.SingleToInt32Bits), Is.EqualTo(new[] { 0x3FC00000, int.MinValue }));
        Assert.That(file.ReadArray<long>("num_batches_tracked"), Is.EqualTo(new[] { 7L }));
        Assert.That(
            file.Sha256(),
            Is.EqualTo(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(folder["f"]))))
        );
        writer.Save(folder["g"]);
        Assert.That(File.ReadAllBytes(folder["g"]), Is.EqualTo(File.ReadAllBytes(folder["f"])));
        Assert.That(() => writer.Add<float>("first", [1], [1]), Throws.ArgumentException);
        Assert.That(() => writer.Add<float>("__metadata__", [1], [1]), Throws.ArgumentException);
        Assert.That(() => writer.Add<float>("short", [2], [1]), Throws.ArgumentException);
    }

    private const string A = "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";

    [TestCase("{" + A + "}", 3, "ends at data offset 4, but the file holds only 3 data bytes; the file is cut")]
    [TestCase("{" + A + "}", 5, "1 bytes follow the last tensor")]
    [TestCase("{}", 1, "1 bytes follow the last tensor")]
    [TestCase("[]", 0, "offset 8: expected '{'")]
    [TestCase("", 0, "offset 8: expected '{'")]
    [TestCase("{" + A + "} x", 4, "not valid JSON")]
    [TestCase("{" + A, 4, "not valid JSON")]
    [TestCase("{" + A + "," + A + "}", 4, "the name 'a' occurs twice")]
    [TestCase(
        "{" + A + ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        4,
        "'b' starts at data offset 0, expected 4 (tensors leave no overlap)"
    )]
    [TestCase(
        "{" + A + ",\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[5,6]}}",
        6,
        "'b' starts at data offset 5, expected 4 (tensors leave no hole)"
    )]
    [TestCase("{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'a' has dtype 'F33', expected one of BOOL, U8")]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "[0, 4], expected 8 bytes for F32 [2]")]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "[4, 0], expected 4 bytes")]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "1 data_offsets, expected 2")]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "something else than integers")]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "something else than integers")]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4, "overflows")]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "lacks one of")]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'dtype' twice")]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "has the key 'x'")]
    [TestCase("{\"a\":[]}", 4, "expected tensor 'a' to be an object")]
    [TestCase("{\"__metadata__\":{\"k\":1}}", 0, "entry 'k' to be a string")]
    [TestCase("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "key 'k' occurs twice")]
    [TestCase("{\"\\ud800\":{}}", 0, "not valid UTF-8")]
    public void ABrokenHeaderNamesFileAndOffset(string json, int dataBytes, string expected)
    {
        using var folder = new TempFolder();
        var path = folder.Write("f", FileOf(json, dataBytes));
        Assert.That(Fails(path), Does.Contain(path).And.Match("offset \\d+").And.Contain(expected));
    }

    [TestCase("", "0 bytes, expected at least 8")]
    [TestCase("07000000000000", "7 bytes, expected at least 8")]
    [TestCase("0900000000000000 7B7D", "claims 9 bytes, but only 2 follow")]
    [TestCase("FFFFFFFFFFFFFFFF 7B7D", "claims 18446744073709551615 bytes, expected at most 100000000")]
    [TestCase("00E1F50500000000 7B7D", "claims 100000000 bytes, but only 2 follow")]
    [TestCase("01E1F50500000000 7B7D", "claims 100000001 bytes, expected at most 100000000")]
    public void ABrokenLengthNamesFileAndOffset(string hex, string expected)
    {
        using var folder = new TempFolder();
        var path = folder.Write("f", Convert.FromHexString(hex.Replace(" ", "")));
        Assert.That(Fails(path), Does.Contain($"'{path}', offset 0").And.Contain(expected));
        Assert.That(Fails(folder["none"]), Does.Contain("does not exist"));
        Assert.That(Fails(folder.Path), Does.Contain("is a folder"));
    }

    [Test]
    public void ATensorIsWrittenAndReadInParts()
    {
        using var folder = new TempFolder();
        var writer = new SafeTensorsWriter();
        writer.Add(
            "x",
            TensorType.F32,
            [2, 3],
            stream =>
            {
                for (var i = 0; i < 6; i++)
                    stream.Write(BitConverter.GetBytes((float)i));
            }
        );
        writer.Add("wide", TensorType.F64, [1], stream => stream.Write(BitConverter.GetBytes(7.5)));
        writer.Save(folder["f"]);
        using var file = SafeTensorsFile.Open(folder["f"]);
        var (floats, doubles) = (new float[2], new double[3]);
        file.Read(file["x"], 1, floats.AsSpan());
        file.Read(file["x"], 3, doubles.AsSpan());
        Assert.That(floats, Is.EqualTo(new[] { 1f, 2f }));
        Assert.That(doubles, Is.EqualTo(new[] { 3.0, 4, 5 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(file["x"], 4, doubles.AsSpan()));
        var wrong = new SafeTensorsWriter();
        wrong.Add("x", TensorType.F32, [2], stream => stream.Write([1, 2, 3]));
        Assert.That(
            Assert.Throws<InvalidOperationException>(() => wrong.Save(folder["g"]))!.Message,
            Does.Contain("'x' was written with 3 bytes, expected 8")
        );
        Assert.That(File.Exists(folder["g"]), Is.False);
    }

    [Test]
    public void EveryFloatTypeConvertsAsTheFormatSays()
    {
        using var folder = new TempFolder();
        float[] values = [0, -0f, 1, -2.5f, 65504, 1e-8f, float.PositiveInfinity, float.NaN, 3.1415927f, 1.00390625f, 1.01171875f];
        var writer = new SafeTensorsWriter();
        foreach (var type in new[] { TensorType.F64, TensorType.F32, TensorType.F16, TensorType.BF16 })
            writer.Add(type.Name(), type, [values.Length], FloatCodec.Encode(type, values));
        writer.Save(folder["f"]);
        using var file = SafeTensorsFile.Open(folder["f"]);
        var back = new float[values.Length];
        var wide = new double[values.Length];
        foreach (var t in file.Tensors)
        {
            file.Read(t.Name, back);
            file.Read(t.Name, wide);
            for (var i = 0; i < values.Length; i++)
            {
                var expected = t.Type switch
                {
                    TensorType.F16 => (float)(Half)values[i],
                    TensorType.BF16 => BFloat16(values[i]),
                    _ => values[i],
                };
                Assert.That(
                    BitConverter.SingleToInt32Bits(back[i]),
                    Is.EqualTo(BitConverter.SingleToInt32Bits(expected)),
                    $"{t.Name}[{i}]"
                );
                Assert.That(wide[i], Is.EqualTo((double)expected), $"{t.Name}[{i}]");
            }
        }

        // Nearest with ties to even, from the definition: the neighbours are 2^16 apart in the float's bits.
        static float BFloat16(float x)
        {
            if (float.IsNaN(x) || float.IsInfinity(x))
                return x;
            var bits = BitConverter.SingleToInt32Bits(x);
            float down = BitConverter.Int32BitsToSingle(bits & ~0xFFFF),
                up = BitConverter.Int32BitsToSingle((bits & ~0xFFFF) + 0x10000);
            double toDown = Math.Abs((double)x - down),
                toUp = Math.Abs((double)up - x);
            return toDown < toUp || (toDown == toUp && (bits & 0x10000) == 0) ? down : up;
        }
    }

    [Test]
    public void ReadsTheGoldenFixtures()
    {
        var path = Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "sgd.safetensors");
        if (!File.Exists(path))
            Assert.Ignore($"'{path}' is not there: the fixtures were not copied beside the tests.");
        using var file = SafeTensorsFile.Open(path);
        Assert.That(file.Tensors, Is.Not.Empty);
        using var folder = new TempFolder();
        file.Rewrite(folder["f"], new Dictionary<string, ReadOnlyMemory<byte>>());
        Assert.That(File.ReadAllBytes(folder["f"]), Is.EqualTo(File.ReadAllBytes(path)));
    }

    private static string Fails(string path) => Assert.Throws<UserErrorException>(() => SafeTensorsFile.Open(path).Dispose())!.Message;
}
