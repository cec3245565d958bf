using System.Text.RegularExpressions;
using Lur.Checkpoints;
using Lur.Data;

namespace Lur.Tests.Data;

/// <summary>Readers of names and lines against the regular expressions that say what they read, on texts made of their parts.</summary>
public class NamePatternTests
{
    private const int Texts = 20000;
    private const RegexOptions AnyCase = RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;

    [Test]
    public void NamesOfParts()
    {
        var pattern = new Regex(
            @"^(?:(?:seg|images?|imgs?|data|dataset|my|the)[-_ .]*)?"
                + @"(?:(?<train>train(?:ing)?)|(?<test>test(?:ing|s)?)|(?<val>val|valid|validation|validate|eval|dev))"
                + @"(?:[-_ .]*(?:set|data|dataset|part|split|images?|imgs?|folder|dir))?\z",
            AnyCase
        );
        string[] parts =
        [
            "seg",
            "Images",
            "img",
            "data",
            "set",
            "my",
            "the",
            "-",
            "_",
            " ",
            ".",
            "train",
            "ing",
            "Test",
            "s",
            "val",
            "idation",
            "dev",
            "x",
        ];
        Compare(
            parts,
            text =>
                pattern.Match(text) is not { Success: true } m ? PartRole.None
                : m.Groups["train"].Success ? PartRole.Train
                : m.Groups["test"].Success ? PartRole.Test
                : PartRole.Validation,
            PartName.RoleOf
        );
    }

    [Test]
    public void HeadingsOfEarlierVersions()
    {
        var pattern = new Regex(@"^# \d+ samples to forget, \d+ to retain: (.*)\z");
        string[] parts =
        [
            "# ",
            "#",
            "3",
            "12",
            " samples to forget, ",
            "samples to forget,",
            " to retain: ",
            "to retain:",
            " ",
            "x",
            "# 3 samples to forget, 7",
        ];
        Compare(parts, t => pattern.Match(t) is { Success: true } m ? m.Groups[1].Value : null, ForgetIdFile.EarlierHeading);
    }

    [Test]
    public void NamesOfBinarySets()
    {
        var batch = new Regex(@"^data_batch_([0-9]{1,4})\.bin\z", AnyCase);
        string[] parts = ["data_batch_", "DATA_", "batch_", "1", "02", "345", "-", ".bin", ".BIN", "x"];
        Compare(parts, t => batch.Match(t) is { Success: true } m ? int.Parse(m.Groups[1].ValueSpan) : -1, BinarySets.CifarBatch);
        var images = new Regex(@"images.*(ubyte|idx[0-9]?)(\.gz)?\z", AnyCase);
        parts = ["train-", "images", "IMAGES", "-idx", "3", "10", "ubyte", ".gz", ".GZ", "labels", "."];
        Compare(parts, images.IsMatch, t => BinarySets.IsIdxName(t, "images"));
    }

    [Test]
    public void CommentsOfAListOfSamples()
    {
        var comment = new Regex(@"(^|\s|^\s*[-+]?\d+)#.*\z");
        string[] parts = ["12", "-3", "+", "#", "#", " ", "\t", "cat", "/", "7"];
        Compare(parts, t => comment.Replace(t, "$1", 1), ForgetIdFile.WithoutComment);
    }

    [Test]
    public void HeadersOfNumPy()
    {
        const string entry = @"'(?<key>\w+)'\s*:\s*(?<value>'[^']*'|""[^""]*""|True|False|\([^()]*\)|\[[^\[\]]*\])";
        var dictionary = new Regex(@"^\s*\{\s*" + entry + @"(?:\s*,\s*" + entry + @")*\s*,?\s*\}\s*\z", RegexOptions.CultureInvariant);
        string[] parts =
        [
            "{",
            "}",
            "'descr': '<f8'",
            "'shape': (3, 2)",
            "'k'",
            ":",
            ",",
            " ",
            "True",
            "\"a\"",
            "[('x', '<f4')]",
            "'fortran_order': False, ",
        ];
        Compare(
            parts,
            text =>
                dictionary.Match(text) is { Success: true } m
                    ? string.Join(';', m.Groups["key"].Captures.Zip(m.Groups["value"].Captures, (k, v) => $"{k.Value}={v.Value}"))
                    : null,
            text => PythonDictionary.Read(text) is { } pairs ? string.Join(';', pairs.Select(p => $"{p.Key}={p.Value}")) : null
        );
        Assert.That(PythonDictionary.Read("{'descr': [('x', '<f4', [1])], 'shape': ()}"), Has.Count.EqualTo(2));
    }

    // Both answers occur, or the comparison would say little.
    private static void Compare<T>(string[] parts, Func<string, T> expected, Func<string, T> actual)
    {
        var random = new Random(TestContext.CurrentContext.Test.Name.Sum(c => c));
        var answers = new HashSet<T>();
        for (var i = 0; i < Texts; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 7)).Select(_ => parts[random.Next(parts.Length)]));
            var answer = expected(text);
            answers.Add(answer);
            Assert.That(actual(text), Is.EqualTo(answer), text);
        }

        Assert.That(answers, Has.Count.GreaterThan(1));
    }
}
