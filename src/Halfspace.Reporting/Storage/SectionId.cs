namespace Halfspace.Reporting.Storage;

/// <summary>What a section holds; docs/reporting-format.md describes each. Structures that store arrays of their own take numbers from 64.</summary>
internal enum SectionId
{
    /// <summary>Whole numbers of the kind: long.</summary>
    Numbers = 1,

    /// <summary>Points of float coordinates, [n × d].</summary>
    Floats = 2,

    /// <summary>Points of float16 coordinates, [n × d].</summary>
    Halves = 3,

    /// <summary>Points appended after the first set, float, [n × d].</summary>
    Appended = 4,

    /// <summary>Removed ids, ascending: int.</summary>
    Removed = 5,

    /// <summary>Ids of the stored rows, ascending: int.</summary>
    Ids = 6,

    /// <summary>The id of each stored row, in the structure's order: int, [n].</summary>
    Permutation = 9,

    /// <summary>A sketch's centre: float, [d].</summary>
    Centre = 7,

    /// <summary>Sketches, in blocks of 64 points. 8 were those of 4 bits a coordinate; a file that has them is sketched anew.</summary>
    Sketches = 10,

    /// <summary>Rows in the order of a structure's cells or layers: int, a permutation.</summary>
    Order = 64,

    /// <summary>Convex layers: where each starts, in distinct points, and their number: int.</summary>
    LayerStarts = 65,

    /// <summary>Cells: first position, end, first child, children, children that one hyperplane can cross: int, [5] a cell.</summary>
    Cells = 66,

    /// <summary>Bounds of the cells: float.</summary>
    CellBounds = 67,

    /// <summary>Ids of points in layers of space, in the order of vertices: int.</summary>
    LayerIds = 68,

    /// <summary>Vertices beside each vertex on its layer: int.</summary>
    Neighbours = 69,

    /// <summary>Where each vertex's neighbours start, and their number: int.</summary>
    NeighbourStarts = 70,
}
