using System.Reflection;
using System.Xml.Linq;
using Lur.Models;
using Lur.Tests.Architecture;

namespace Lur.Tests.CInterface;

/// <summary>What the native compiler leaves out of liblur.</summary>
public class SubstitutionTests
{
    private const string File = "src/Lur.Native/substitutions.xml";

    /// <summary>No record is printed: the texts of all their members were 0.15 MB. A new record is written into the file with
    /// LUR_WRITE_GOLDEN=1.</summary>
    [Test]
    public void NoRecordOfTheLibraryCanPrintItsMembers()
    {
        var path = Path.Combine(Repository.Root, File);
        var document = XDocument.Load(path);
        var library = document.Root!.Elements().Single(e => e.Attribute("fullname")!.Value == "Lur");
        string[] records = [.. typeof(Model).Assembly.GetTypes().Where(Prints).Select(NameOf).Order(StringComparer.Ordinal)];
        Assert.That(records, Has.Length.GreaterThan(150));
        if (Environment.GetEnvironmentVariable("LUR_WRITE_GOLDEN") == "1")
        {
            library.ReplaceNodes(
                records.Select(r => new XElement(
                    "type",
                    new XAttribute("fullname", r),
                    new XElement(
                        "method",
                        new XAttribute("signature", "System.Boolean PrintMembers(System.Text.StringBuilder)"),
                        new XAttribute("body", "stub"),
                        new XAttribute("value", "false")
                    )
                ))
            );
            System.IO.File.WriteAllText(path, document + "\n");
        }

        Assert.That(library.Elements().Select(e => e.Attribute("fullname")!.Value), Is.EqualTo(records), "LUR_WRITE_GOLDEN=1 writes them");
    }

    private static bool Prints(Type type) =>
        type.GetMethod(
            "PrintMembers",
            BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly,
            [typeof(System.Text.StringBuilder)]
        )
            is not null;

    // Names of nested types are joined by a slash.
    private static string NameOf(Type type) => type.FullName!.Replace('+', '/');
}
