/**
 * What somebody may not or will not eat matters to every question about food, though "shellfish allergy" and
 * "restaurant" are far apart for an embedder, and missing it can do harm.
 */

/** Is a question about what to eat? */
export function asksAboutFood(question: string): boolean {
  return FOOD_QUESTION.test(question)
}

/** Does a text say what somebody does not eat? */
export function limitsFood(text: string): boolean {
  return DIET.test(text) || (FOOD.test(text) && LIMIT.test(text))
}

const FOOD_QUESTION =
  /\b(?:food|eat(?:ing)?|dish(?:es)?|restaurants?|dining|dine|cuisine|cook(?:ing)?|recipes?|meals?|dinner|lunch|breakfast|brunch|supper|snacks?|menus?|bake|baking|desserts?|appeti[sz]ers?|barbecue|bbq|picnic|buffet|takeaway|takeout|groceries|catering|potluck|caf[eé]s?|bakery|ingredients?)\b/i
const DIET =
  /\b(?:vegetarian|vegan|pescatarian|halal|kosher|gluten|c(?:o)?eliac|lactose|keto|low-(?:carb|sodium|fat|sugar)|diabet\w+|(?:food|nut|peanut|shellfish|dairy|egg|soy|wheat|fish) allerg\w+|allergic to (?:\w+ ){0,2}(?:nuts?|peanuts?|shellfish|shrimp|fish|milk|dairy|eggs?|soy|wheat|sesame|strawberr\w+|almonds?))\b|\b(?:strict|special|plant-based|paleo) diet\b/i
const FOOD =
  /\b(?:food|eat|eats|eating|meat|pork|beef|chicken|lamb|fish|seafood|shellfish|sushi|dairy|milk|cheese|eggs?|nuts?|peanuts?|sugar|spicy|fried|mushrooms?|onions?|garlic|cilantro|coriander|tofu|alcohol|caffeine|dish(?:es)?|cuisine)\b/i
const LIMIT =
  /\b(?:avoid\w*|no longer|never|not|n[o']t|cannot|dislikes?|hates?|allerg\w+|intoleran\w+|aversion|only|strictly|refuses?|without|free|sensitive|can(?:'|’)t|stopped|gave up|quit)\b/i
